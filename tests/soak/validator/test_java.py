"""Our verdicts beside those of HAPI's FhirInstanceValidator: every disagreement stands in docs/validation.md.

`mvn` gets the validator from Maven Central once; the validation itself is offline.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from fhir_server.errors import InvalidResource
from fhir_server.validation.structure import check
from tests.data.r4_examples import lines
from tests.data.r4_mutants import mutants
from tests.unit.validation.test_faults import FAULTS, VALID

pytestmark = pytest.mark.soak

_PROJECT = Path(__file__).parent
_DOCUMENT = Path(__file__).parents[3] / "docs" / "validation.md"
_ROW = re.compile(r"\| (ours|Java) \| (examples|mutants|cases) \| `?([^|`]+)`? \| (\d+) \|")
_RULE = re.compile(r"Rule ([\w-]+):")

Row = tuple[str, str, str, int]
Answer = list[dict[str, str]]


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that answers each line of resources with a line of errors."""
    for tool in ("java", "mvn"):
        assert shutil.which(tool), f"{tool} is not installed. `make deps` installs it."
    built = tmp_path_factory.mktemp("java")
    subprocess.run(
        ["mvn", "-q", "-B", f"-DbuildDirectory={built}", "compile", "dependency:build-classpath",
         f"-Dmdep.outputFile={built}/classpath"],
        cwd=_PROJECT, check=True, timeout=900, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return [
        "java",
        "-Xmx2g",
        "-cp",
        f"{built}/classes:{(built / 'classpath').read_text()}",
        "validator.Validate",
    ]


def test_every_disagreement_with_the_java_validator_is_documented(java: list[str]):
    cases = [orjson.dumps(resource) for resource in (*(row[0] for row in FAULTS), *VALID)]
    found = {
        *_disagreements("examples", lines(), _answers(java, lines())),
        *_disagreements("cases", cases, _answers(java, cases)),
        *_mutant_disagreements(java),
    }
    rows = _ROW.findall(_DOCUMENT.read_text(encoding="utf-8"))
    documented = {(by, among, what.strip(), int(count)) for by, among, what, count in rows}

    assert sorted(found) == sorted(documented)


def _disagreements(among: str, texts: Sequence[bytes], answers: Sequence[Answer]) -> set[Row]:
    """How many resources only one of the two accepts, by what the other has against them."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for text, errors in zip(texts, answers, strict=True):
        ours = _our_reason(text)
        if ours and not errors:
            counts["Java", among, ours] += 1
        if not ours:
            counts.update(("ours", among, reason) for reason in {_java_reason(error) for error in errors})
    return {(*key, count) for key, count in counts.items()}


def _mutant_disagreements(java: list[str]) -> set[Row]:
    """The same of mutants, by their kind; Java refuses one if it has an error that the origin has not."""
    made = mutants(2000)
    of_origin = {
        _name(text): {error["message"] for error in errors}
        for text, errors in zip(lines(), _answers(java, lines()), strict=True)
    }
    counts: Counter[tuple[str, str, str]] = Counter()
    for mutant, errors in zip(made, _answers(java, [mutant.text for mutant in made]), strict=True):
        if {error["message"] for error in errors} <= of_origin[mutant.origin]:
            counts["Java", "mutants", mutant.kind] += 1
        assert _our_reason(mutant.text)
    return {(*key, count) for key, count in counts.items()}


def _answers(java: list[str], texts: Sequence[bytes]) -> list[Answer]:
    run = subprocess.run(
        java, input=b"\n".join(texts) + b"\n", capture_output=True, check=True, timeout=600
    )  # the messages that it logs beside are of no interest
    return [orjson.loads(line) for line in run.stdout.splitlines()]


def _our_reason(text: bytes) -> str | None:
    try:
        check(orjson.loads(text)["resourceType"], text)
    except InvalidResource as refused:
        return f"{refused.issues[0].code} {refused.issues[0].expression}"
    return None


def _java_reason(error: dict[str, str]) -> str:
    rule = _RULE.search(error["message"])
    return rule[1] if rule else error["id"] or re.split("['(]", error["message"])[0].strip()


def _name(text: bytes) -> str:
    resource = orjson.loads(text)
    return f"{resource['resourceType']}/{resource.get('id')}"
