"""The table tests/data/mapping-cases.yaml, row by row."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from mappers.errors import InvalidTime
from mappers.mapped import Mapped, MappingContext, Rejected
from mappers.observation import map_reading
from mappers.profile import device_profile
from mappers.reading import MappingIssue, Reading
from mappers.times import device_time

CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "data" / "mapping-cases.yaml").read_text(encoding="utf-8")
)
RECEIVED = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)


def parsed(text):
    return json.loads(text, parse_float=Decimal)


def mapped(case):
    try:
        stamp = int((RECEIVED - timedelta(seconds=case.get("age", 0))).timestamp())
        time = device_time(parsed(case["timestamp"]) if "timestamp" in case else stamp)
    except InvalidTime as error:
        return Rejected((MappingIssue(error.code, error.element, error.text),))
    profile = device_profile(case["profile"])
    reading = Reading(
        device="pi-001",
        profile=profile.key,
        time=time,
        received=RECEIVED,
        fields=parsed(case["fields"]),
        units=case.get("units", {}),
        patient=case.get("patient"),
        sequence=case.get("sequence"),
    )
    return map_reading(reading, MappingContext("p1", "d1", profile, b"k" * 32))


def shown(resource):
    code = resource["code"]["coding"][0]["code"]
    if "result" in resource:
        return {"code": code, "results": len(resource["result"])}
    if "component" in resource:
        return {"code": code, "components": [shown(each) for each in resource["component"]]}
    if "hasMember" in resource:
        return {"code": code, "members": len(resource["hasMember"])}
    if "valueCodeableConcept" in resource:
        return {"code": code, "answer": resource["valueCodeableConcept"]["coding"][0]["code"]}
    value = resource["valueQuantity"]
    assert value["system"] == "http://unitsofmeasure.org"
    return {"code": code, "value": str(value["value"]), "unit": value["code"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_reading_becomes_what_the_table_says(case):
    result = mapped(case)

    if case["status"] == "created":
        assert isinstance(result, Mapped), result
        assert [shown(each) for each in result.resources] == case["expect"]
        assert [issue.element for issue in result.warnings] == case.get("warnings", [])
    else:
        assert isinstance(result, Rejected), result
        found = sorted((issue.code, issue.element) for issue in result.issues if issue.severity == "error")
        assert found == sorted((issue["code"], issue["element"]) for issue in case["issue"])


def test_the_table_is_large_and_no_two_rows_share_a_name():
    names = [case["name"] for case in CASES]

    assert len(names) == len(set(names)) >= 60
