"""What the documentation says is so: settings, the map, commands and links."""

import re
from pathlib import Path

from typer.testing import CliRunner

from fhir_server.cli.catalog import commands
from tests.architecture import checklist_page, map_page, search_page, settings_page
from tests.architecture.map_page import ROOT

_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
_COMMAND = re.compile(r"fhir-server ((?:device |deadletter |subscription )?[a-z]+(?:-[a-z]+)*)")
_TEST = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")
_TARGET = re.compile(r"(?:`|^|/)make ([a-z]+)\b", re.MULTILINE)


def _pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_every_setting_is_on_the_settings_page_with_its_default():
    assert settings_page.PAGE.read_text() == settings_page.page()


def test_the_example_of_an_environment_file_lists_every_setting():
    assert settings_page.EXAMPLE.read_text() == settings_page.example()


def test_the_map_shows_every_module_with_its_own_words():
    assert map_page.PAGE.read_text() == map_page.page(), "run: python -m tests.architecture.map_page"


def test_every_search_parameter_is_on_its_page_with_how_it_is_answered():
    assert search_page.PAGE.read_text() == search_page.page(), "run: python -m tests.architecture.search_page"


def test_every_item_of_the_checklists_has_a_test_or_a_reason_and_no_test_names_another():
    items = [item for page in checklist_page.PAGES for item in checklist_page.items(page)]
    covered = checklist_page.covering()
    assert [item.id for item in items if (item.id in covered) == bool(item.reason)] == []
    assert sorted(covered.keys() - {item.id for item in items}) == []
    assert len({item.id for item in items}) == len(items) > 100


def test_the_pages_of_the_checklists_name_every_test_that_covers_an_item():
    tests = checklist_page.covering()
    for page in checklist_page.PAGES:
        assert page.path.read_text() == checklist_page.text(page, tests), (
            "run: python -m tests.architecture.checklist_page"
        )


def test_every_command_that_the_documentation_names_exists():
    named = {match for page in _pages() for match in _COMMAND.findall(page.read_text())}
    groups = {"device", "deadletter", "subscription"}
    missing = [
        name
        for name in sorted(named - groups)
        if CliRunner().invoke(commands, [*name.split(), "--help"]).exit_code
    ]
    assert {"serve", "load", "device add"} <= named
    assert missing == []


def test_every_make_target_that_the_readme_names_exists():
    named = set(_TARGET.findall((ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test"} <= named
    assert named <= targets


def test_no_link_between_pages_is_dead():
    dead = {
        f"{page.relative_to(ROOT)} -> {target}"
        for page in _pages()
        for target in _LINK.findall(page.read_text())
        if not (page.parent / target).exists()
    }
    assert dead == set()


def test_every_adr_says_what_was_decided_and_what_is_bad_about_it():
    thin = [
        page.name
        for page in (ROOT / "docs" / "adr").glob("*.md")
        if not re.search(r"^(## |\*\*)Decision", page.read_text(), re.MULTILINE)
        or not re.search(
            r"^(## |\*\*)?(The bad c|C)onsequences|^## What it costs", page.read_text(), re.MULTILINE
        )
    ]
    assert thin == []


def test_every_claim_of_the_threat_model_names_a_test_that_is_there():
    named = _TEST.findall((ROOT / "SECURITY.md").read_text())
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not re.search(rf"^(async )?def {name}\(", _source(ROOT / "tests" / path), re.MULTILINE)
    ]
    assert len(named) > 30
    assert missing == []


def _source(path: Path) -> str:
    return path.read_text() if path.exists() else ""
