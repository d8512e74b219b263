"""Whether a resource meets a criterion, as the standard's own tables have it."""

from datetime import UTC, datetime

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.criteria import condition, meets
from fhir_server.search.params.catalog import served
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import parse
from tests.data.search_cases import CASES

BASE = "http://fhir.test/fhir"


def asked(type: str, name: str, value: str) -> AnyCondition:
    (criterion,) = parse(type, [(name, value)]).criteria
    return condition(served(type)[criterion.name], criterion, Reading(datetime(2026, 6, 1, tzinfo=UTC), BASE))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}: {case.cell}")
def test_a_resource_meets_what_the_specification_says_it_does(case):
    assert meets(asked(case.type, case.name, case.value), case.resource, BASE) is case.found


@pytest.mark.parametrize(
    ("type", "name", "value", "told"),
    [
        ("Observation", "_id", "Observation/1", "is no id. Write the id alone"),
        ("Observation", "_id", "http://a|1", "is no id"),
        ("Patient", "phone", "phone|555", "has a `|`"),
        ("Patient", "name", "...", "no letter or digit"),
        ("Patient", "name", " ", "no letter or digit"),
        ("Observation", "code:text", "!", "no letter or digit"),
        ("Patient", "identifier:of-type", "http://a|MR", "lacks a part"),
        ("Patient", "identifier:of-type", "|MR|7", "lacks a part"),
        ("Observation", "code:below", "8867-4", "names no code system"),
        ("DocumentReference", "contenttype:below", "text", "is no media type"),
        ("DocumentReference", "contenttype:below", "text/xml; charset=UTF-8", "is no media type"),
        ("ValueSet", "url:below", "urn:oid:1.2", "is no URL"),
        ("ValueSet", "url:above", "http://x/vs|1", "is no URL without version"),
        ("ValueSet", "url:above", "http://x" + "/a" * 200, "more than 100 parts"),
        ("Observation", "subject:Patient", "Device/1", "does not name a Patient"),
        ("Observation", "code:missing", "maybe", "code:missing=maybe: the value is `true` or `false`"),
        ("Observation", "code:missing", "true,false", "code:missing=true,false: "),
        ("Observation", "subject:below", "Patient/1", "which resource is part of which other is not kept"),
    ],
)
def test_a_value_that_a_modifier_cannot_take_is_refused_with_the_reason(type, name, value, told):
    with pytest.raises(InvalidSearch, match=name.partition(":")[0]) as refused:
        asked(type, name, value)

    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("type", "name", "takes"),
    [
        ("Observation", "status:text", "above, below, in, missing, not, not-in"),
        ("Observation", "code:of-type", "above, below, in, missing, not, not-in, text"),
        ("Patient", "identifier:in", "missing, not, of-type, text"),
        ("Patient", "active:in", "missing, not"),
        ("Patient", "name:text", "contains, exact, missing"),
        ("Patient", "birthdate:not", "missing"),
        ("ValueSet", "url:contains", "above, below, missing"),
        ("Observation", "subject:above", "identifier, missing"),
        ("QuestionnaireResponse", "questionnaire:identifier", "missing"),
    ],
)
def test_a_modifier_that_the_parameter_does_not_take_is_refused_and_those_it_takes_are_told(
    type, name, takes
):
    with pytest.raises(InvalidSearch) as refused:
        asked(type, name, "x")

    assert f"The modifier :{name.partition(':')[2]} is not served" in str(refused.value)
    assert f"It takes {takes}." in str(refused.value)
