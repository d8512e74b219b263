"""Our verdicts beside those of HAPI's FhirInstanceValidator: every disagreement stands in docs/validation.md.

docs/validation.md, "Beside the Java validator"
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from fhir_server.errors import InvalidResource
from fhir_server.validation.structure import check
from tests.data.r4_examples import lines
from tests.data.r4_mutants import mutants
from tests.soak.validator.java import Answer, answers
from tests.unit.validation.test_faults import FAULTS, VALID

pytestmark = pytest.mark.soak

_DOCUMENT = Path(__file__).parents[3] / "docs" / "validation.md"
_ROW = re.compile(r"\| (ours|Java) \| (examples|mutants|cases) \| `?([^|`]+)`? \| (\d+) \|")
_RULE = re.compile(r"Rule ([\w-]+):")

Row = tuple[str, str, str, int]


def test_every_disagreement_with_the_java_validator_is_documented(java: list[str]):
    cases = [orjson.dumps(resource) for resource in (*(row[0] for row in FAULTS), *VALID)]
    found = {
        *_disagreements("examples", lines(), answers(java, lines())),
        *_disagreements("cases", cases, answers(java, cases)),
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
        for text, errors in zip(lines(), answers(java, lines()), strict=True)
    }
    counts: Counter[tuple[str, str, str]] = Counter()
    for mutant, errors in zip(made, answers(java, [mutant.text for mutant in made]), strict=True):
        if {error["message"] for error in errors} <= of_origin[mutant.origin]:
            counts["Java", "mutants", mutant.kind] += 1
        assert _our_reason(mutant.text)
    return {(*key, count) for key, count in counts.items()}


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
