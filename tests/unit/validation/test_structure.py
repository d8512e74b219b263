import json as plain_json
from collections import Counter

import orjson
import pytest

from fhir_server import json
from fhir_server.errors import InvalidResource
from fhir_server.validation.faults import faults
from fhir_server.validation.schema import accepts
from fhir_server.validation.structure import check
from tests.data.r4_examples import INVALID, lines
from tests.data.r4_mutants import mutants


def name(text: bytes) -> str:
    resource = orjson.loads(text)
    return f"{resource['resourceType']}/{resource.get('id')}"


def found(resource: dict) -> list[tuple[str, str | None]]:
    with pytest.raises(InvalidResource) as refused:
        check(resource["resourceType"], plain_json.dumps(resource).encode())
    return [(issue.code, issue.expression) for issue in refused.value.issues]


def observation(**elements: object) -> dict:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "SpO2"}, **elements}


def test_every_official_example_is_accepted_but_the_one_that_r4_forbids():
    refused = []
    for text in lines():
        try:
            check(orjson.loads(text)["resourceType"], text)
        except InvalidResource:
            refused.append(name(text))

    assert len(lines()) == 725
    assert refused == [INVALID]


def test_every_example_survives_parsing_and_writing_to_the_last_digit():
    for text in lines():
        tree = json.parse(text)
        again = plain_json.loads(json.dumps(tree), parse_float=str)

        assert again == plain_json.loads(text, parse_float=str)


def test_every_one_fault_mutant_is_refused_with_its_element_named_once():
    made = mutants(2000)
    wrong = []
    for mutant in made:
        try:
            check(mutant.resource_type, mutant.text)
            wrong.append((mutant.kind, mutant.origin, mutant.expression, "accepted"))
        except InvalidResource as refused:
            named = [issue.expression for issue in refused.issues]
            if named != [mutant.expression]:
                wrong.append((mutant.kind, mutant.origin, mutant.expression, named))

    assert wrong == []
    assert set(Counter(mutant.kind for mutant in made).values()) == {181, 182}


def test_what_the_schema_accepts_has_no_fault():
    accepted = [
        orjson.loads(text)
        for text in lines()
        if accepts(orjson.loads(text)["resourceType"], orjson.loads(text))
    ]
    blamed = [
        resource["id"] for resource in accepted if list(faults(resource["resourceType"], _exact(resource)))
    ]

    assert len(accepted) > 500
    assert blamed == []


def _exact(resource: dict) -> object:
    import jiter

    return jiter.from_json(orjson.dumps(resource), float_mode="decimal")
