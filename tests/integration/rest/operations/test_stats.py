import json

import pytest

from fhir_server.operations.statistic import STATISTICS
from fhir_server.validation.structure import check

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
HEART_RATE = f"code=8867-4&system={LOINC}"


def coded(*codes):
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def quantity(value, unit="/min", **more):
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **more}


def observation(id, day, *codes, patient="Patient/p", time="10:00:00Z", **more):
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": coded(*(codes or ("8867-4",))),
        "subject": {"reference": patient},
        "effectiveDateTime": f"2026-01-{day:02}T{time}",
        **more,
    }


def pressure(id, day, systolic, diastolic, unit="mm[Hg]"):
    return observation(
        id,
        day,
        "85354-9",
        component=[
            {"code": coded("8480-6"), "valueQuantity": quantity(systolic, unit)},
            {"code": coded("8462-4"), "valueQuantity": quantity(diastolic, unit)},
        ],
    )


TREES = [
    *(observation(f"hr{n}", day, valueQuantity=quantity(value))
      for n, (day, value) in enumerate([(1, 60), (1, 70), (2, 80), (2, 90), (3, 100)])),
    observation("below", 1, valueQuantity=quantity(5, comparator="<")),
    observation("none", 1, dataAbsentReason={"text": "x"}),
    observation("words", 2, valueQuantity={"value": 1000, "unit": "beats"}),
    observation("modified", 1, valueQuantity=quantity(1000), modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
    observation("error", 1, valueQuantity=quantity(1000), status="entered-in-error"),
    observation("other", 1, patient="Patient/q", valueQuantity=quantity(1000)),
    observation("device", 1, patient="Device/d", valueQuantity=quantity(33)),
    pressure("bp1", 1, 120, 80), pressure("bp2", 2, 130, 85), pressure("bp3", 3, 18, 10, "kPa"),
    observation("alone", 4, "8480-6", valueQuantity=quantity(140, "mm[Hg]")),
    observation("weight1", 1, "29463-7", valueQuantity=quantity(70.0, "kg")),
    observation("weight2", 2, "29463-7", valueQuantity=quantity(71.5, "kg")),
    observation("weight3", 3, "29463-7", valueQuantity=quantity(72500, "g")),
    observation("member", 1, "8310-5", valueQuantity=quantity(37.5, "Cel")),
    observation("panel", 1, "85353-1", hasMember=[{"reference": "Observation/member"}, {"reference": "Observation/other"},
                                                  {"reference": "http://server.example/fhir/Observation/hr0/_history/1"}]),
    observation("night", 5, "9279-1", time="23:30:00Z", valueQuantity=quantity(12)),
    {k: v for k, v in observation("undated", 5, valueQuantity=quantity(1000)).items() if k != "effectiveDateTime"},
]  # fmt: skip


@pytest.fixture
async def observations(stored):
    await stored(TREES)


async def stats(client, query, subject="Patient/p"):
    answer = await client.get(f"/fhir/Observation/$stats?subject={subject}&{query}")
    assert answer.status_code == 200, answer.text
    return told(answer)


def told(answer):
    check("Parameters", answer.content)
    tree = json.loads(answer.content, parse_float=str)
    return [one["resource"] for one in tree["parameter"] if one["name"] == "statistics"]


def values(resource):
    """The components by code; the number alone, None where there is none."""
    found = {}
    for component in resource["component"]:
        number = component.get("valueInteger", component.get("valueQuantity", {}).get("value"))
        found.setdefault(component["code"]["coding"][0]["code"], []).append(number)
    return {code: numbers[0] if len(numbers) == 1 else numbers for code, numbers in found.items()}


async def test_the_statistics_of_a_code_are_the_components_of_one_observation(client, observations):
    every = "&".join(f"statistic={code}" for code in STATISTICS)
    (found,) = await stats(client, f"{HEART_RATE}&{every}&start=2026-01-01&end=2026-01-31")
    regression = values(found)["regression"]
    assert values(found) == {
        "average": 80, "maximum": 100, "minimum": 60, "count": 5, "total-count": 9, "median": 80, "std-dev": "15.8114",
        "sum": 400, "variance": 250, "20-percent": 68, "80-percent": 92, "4-lower": 70, "4-upper": 90, "4-dev": 10,
        "5-1": 68, "5-2": 76, "5-3": 84, "5-4": 92, "skew": 0, "kurtosis": "1.7",
        "regression": regression,
    }  # fmt: skip
    assert found["status"] == "final"
    assert found["code"]["coding"] == [{"system": LOINC, "code": "8867-4"}]
    assert found["subject"] == {"reference": "Patient/p"}
    assert found["effectivePeriod"] == {"start": "2026-01-01", "end": "2026-01-31"}
    units = {one["valueQuantity"].get("code") for one in found["component"] if "valueQuantity" in one}
    assert units == {"/min", "1", None}
    assert found["component"][0]["code"]["coding"][0] == {
        "system": "http://terminology.hl7.org/CodeSystem/observation-statistics",
        "code": "average",
        "display": "Average",
    }


async def test_a_line_is_told_by_its_gradient_per_hour_and_its_value_at_the_start(client, observations):
    (found,) = await stats(client, f"{HEART_RATE}&statistic=regression&start=2026-01-01T10:00:00Z")
    gradient, intercept = values(found)["regression"]
    assert abs(float(gradient) - 0.744) < 0.002
    assert abs(float(intercept) - 65.71) < 0.01


async def test_days_are_those_of_the_zone_asked_for(client, observations):
    found = await stats(
        client, f"{HEART_RATE}&statistic=average&statistic=count&statistic=total-count&by=day"
    )
    assert [values(one) for one in found] == [
        {"average": 65, "count": 2, "total-count": 5},
        {"average": 85, "count": 2, "total-count": 3},
        {"average": 100, "count": 1, "total-count": 1},
    ]
    assert found[0]["effectivePeriod"] == {
        "start": "2026-01-01T00:00:00.000Z",
        "end": "2026-01-01T23:59:59.999Z",
    }
    (night,) = await stats(client, "code=9279-1&statistic=count&by=day&zone=Europe/Berlin")
    assert night["effectivePeriod"] == {
        "start": "2026-01-06T00:00:00.000+01:00",
        "end": "2026-01-06T23:59:59.999+01:00",
    }
    (month,) = await stats(client, f"{HEART_RATE}&statistic=count&by=month")
    assert month["effectivePeriod"]["end"] == "2026-01-31T23:59:59.999Z"
    weeks = await stats(client, f"{HEART_RATE}&statistic=count&by=week")
    assert weeks[0]["effectivePeriod"]["start"] == "2025-12-29T00:00:00.000Z"


async def test_a_panel_is_told_by_its_components_and_members(client, observations):
    found = await stats(client, f"code=85354-9&system={LOINC}&statistic=count&statistic=maximum")
    maxima = {one["code"]["coding"][0]["code"]: values(one) for one in found}
    assert maxima["8462-4"] == {"count": 3, "maximum": 85}
    assert maxima["8480-6"] == {"count": 3, "maximum": "135.011475975458"}
    assert len(maxima) == 2
    members = await stats(client, "code=85353-1&statistic=average")
    assert {one["code"]["coding"][0]["code"]: values(one)["average"] for one in members} == {
        "8310-5": "37.5",
        "8867-4": 60,
    }


async def test_a_code_counts_as_component_and_on_its_own_in_the_unit_most_have(client, observations):
    (found,) = await stats(
        client, f"code=8480-6&system={LOINC}&statistic=minimum&statistic=maximum&statistic=count"
    )
    assert values(found)["count"] == 4
    assert values(found)["minimum"] == 120
    assert values(found)["maximum"] == 140
    assert found["component"][0]["valueQuantity"]["code"] == "mm[Hg]"
    both = await stats(client, f"code=85354-9&code=8480-6&system={LOINC}&statistic=count")
    assert [one["code"]["coding"][0]["code"] for one in both] == ["8462-4", "8480-6"]


async def test_units_that_convert_are_taken_together_and_decimals_stay_exact(client, observations):
    (found,) = await stats(client, "code=29463-7&statistic=average&statistic=maximum&statistic=sum")
    assert float(values(found)["average"]) == pytest.approx(214 / 3, abs=1e-4)
    assert float(values(found)["maximum"]) == 72.5
    assert float(values(found)["sum"]) == 214


async def test_what_has_no_values_says_so(client, observations):
    (found,) = await stats(client, "code=nothing&statistic=average&statistic=count")
    assert values(found) == {"average": None, "count": 0}
    assert found["component"][0]["dataAbsentReason"]["coding"][0]["code"] == "not-applicable"
    (one,) = await stats(
        client, f"{HEART_RATE}&start=2026-01-03&end=2026-01-03&statistic=std-dev&statistic=maximum"
    )
    assert values(one) == {"std-dev": None, "maximum": 100}


async def test_another_subject_may_be_asked_about(client, observations):
    (found,) = await stats(client, f"{HEART_RATE}&statistic=sum", "Device/d")
    assert values(found) == {"sum": 33}
    (found,) = await stats(client, f"{HEART_RATE}&statistic=sum", "http://server.example/fhir/Patient/q")
    assert values(found) == {"sum": 1000}
    assert found["subject"] == {"reference": "Patient/q"}


async def test_the_sources_are_given_on_request(client, fhir, observations):
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "subject", "valueUri": "Patient/p"},
        {"name": "coding", "valueCoding": {"system": LOINC, "code": "8867-4"}},
        {"name": "period", "valuePeriod": {"start": "2026-01-01", "end": "2026-01-02"}},
        {"name": "statistic", "valueCode": "count"}, {"name": "include", "valueBoolean": True},
        {"name": "limit", "valuePositiveInt": 3}]}  # fmt: skip
    answer = await client.post("/fhir/Observation/$stats", **fhir(body))
    assert answer.status_code == 200, answer.text
    check("Parameters", answer.content)
    sources = [one["resource"]["id"] for one in answer.json()["parameter"] if one["name"] == "source"]
    assert set(sources) == {"hr2", "hr3", "hr0"} or set(sources) == {"hr2", "hr3", "hr1"}
    (found,) = told(answer)
    assert values(found) == {"count": 4}
    (recent,) = await stats(client, f"{HEART_RATE}&statistic=count&duration=1")
    assert values(recent) == {"count": 0}


async def test_what_it_cannot_be_called_with_is_named(client):
    for query, named in [
        ("code=x&statistic=count", "subject"), ("subject=Patient/p&statistic=count", "code"),
        ("subject=Patient/p&code=x", "statistic"), ("subject=Patient/p&code=x&statistic=mode", "statistic"),
        ("subject=Patient/p&code=x&statistic=count&by=minute", "by"), ("subject=Patient/p&system=s&statistic=count", "code"),
        ("subject=Patient/p&code=x&statistic=count&zone=Nowhere", "zone"),
        ("subject=Patient/p&code=x&statistic=count&zone=../../etc/passwd", "zone"),
        ("subject=Patient/p&code=x&statistic=count&duration=0", "duration"),
        ("subject=Patient/p&code=x&statistic=count&duration=1e999", "duration"),
        ("subject=Patient/p&code=x&statistic=count&duration=1&start=2026", "start"),
        ("subject=Patient/p&code=x&statistic=count&period=2026", "period"),
        ("subject=Patient/p&code=x&statistic=count&start=2027&end=2026", "start"),
        ("subject=Patient/p&code=x&statistic=count&limit=0", "limit"), ("subject=a,b&code=x&statistic=count", "subject"),
        ("subject=Patient/p&code=x&statistic=count&include=yes", "include"), ("subject=p&code=x&nonsense=1", "nonsense"),
    ]:  # fmt: skip
        answer = await client.get(f"/fhir/Observation/$stats?{query}")
        assert answer.status_code == 400, (query, answer.text)
        assert answer.json()["issue"][0]["expression"] == [named], query
