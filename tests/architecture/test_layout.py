"""The shape of the repository: what lies at its top, how its modules begin, how long they get."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.map_page import PACKAGES, ROOT, docstring, modules

_TOP = {
    *PACKAGES,
    "tests",
    "examples",
    "docs",
    ".ci",
    "pyproject.toml",
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-build.lock",
    "docker-compose.yml",
    "Dockerfile",
    ".dockerignore",
    ".env.example",
    ".gitignore",
    "Makefile",
    "README.md",
    "LICENSE",
    "NOTICE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
}
_LONGEST = 350
_FORBIDDEN_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc)($|_)")
_OF_A_WORKPLACE = re.compile("index-url|extra-index|find-links")


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_top_level_holds_the_packages_and_the_files_every_project_has_and_nothing_else():
    assert {path.parts[0] for path in _tracked()} == _TOP


def test_every_module_says_what_it_is_and_which_paragraph_it_implements():
    wanting = {}
    for path in modules():
        lines = [line for line in docstring(path).splitlines() if line.strip()]
        if path.name == "__init__.py" and not (ROOT / path).read_text().strip():
            continue
        if len(lines) < 2 or not re.search(r"https?://|docs/|requirements|DESIGN|\.py\b", lines[1]):
            wanting[str(path)] = lines[:2]
    assert wanting == {}


def test_no_module_grows_beyond_350_lines():
    long = {
        str(path): lines
        for path in modules()
        if (lines := len((ROOT / path).read_text().splitlines())) > _LONGEST
    }
    assert long == {}


def test_no_module_is_a_drawer_for_odds_and_ends():
    assert [str(path) for path in modules() if _FORBIDDEN_NAMES.search(path.stem)] == []


def test_no_host_of_a_package_registry_and_no_path_of_a_workplace_stands_in_the_repository():
    found = {}
    for path in _tracked():
        if path == Path("tests/architecture/test_layout.py"):
            continue
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if match := _OF_A_WORKPLACE.search(text):
            found[str(path)] = match.group()
    assert found == {}


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_the_files_every_project_has_are_not_empty(name):
    assert len((ROOT / name).read_text()) > 500


def test_the_licence_is_the_whole_of_apache_2():
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "END OF TERMS AND CONDITIONS" in text
