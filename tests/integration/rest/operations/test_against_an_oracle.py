"""`$lastn` and `$stats` over random Observations, asked in SQL and worked out in plain Python."""

import random
import statistics
from datetime import UTC, datetime, timedelta

import pytest

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
START = datetime(2026, 1, 1, tzinfo=UTC)


def observation(chance, number):
    codes = chance.choice([("a",), ("b",), ("c",), ("a", "d"), ("e",), ("e", "f")])
    when = START + timedelta(hours=chance.randrange(24 * 6))
    kind = chance.choice(["value", "value", "value", "none", "component", "comparator"])
    value = {"value": chance.randrange(500, 1500) / 10, "unit": "x", "system": UCUM, "code": "/min"}
    more = {
        "value": {"valueQuantity": value},
        "none": {},
        "comparator": {"valueQuantity": value | {"comparator": "<"}},
        "component": {"component": [{"code": coded("a"), "valueQuantity": value}]},
    }[kind]
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": chance.choice(["final", "final", "final", "preliminary", "entered-in-error"]),
        "category": [{"coding": [{"code": chance.choice(["vital-signs", "laboratory"])}]}],
        "code": coded(*codes) if codes[0] != "e" or chance.random() < 0.5 else {"text": chance.choice("xy")},
        "subject": {"reference": chance.choice(["Patient/p", "Patient/p", "Patient/q"])},
        **({"effectiveDateTime": when.isoformat()} if chance.random() < 0.9 else {}),
        **more,
    }


def coded(*codes):
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


@pytest.fixture
async def observations(stored):
    chance = random.Random(4711)
    trees = [observation(chance, number) for number in range(160)]
    await stored(trees)
    return trees


def codes_of(tree):
    return {one["code"] for one in tree["code"].get("coding", [])} or {"text " + tree["code"]["text"]}


def grouped(trees):
    """The trees in groups: merged for as long as two of them share a code."""
    groups = [(codes_of(tree), [tree]) for tree in trees]
    merged = True
    while merged:
        merged = False
        for one in groups:
            other = next((two for two in groups if two is not one and one[0] & two[0]), None)
            if other is not None:
                groups.remove(other)
                one[0].update(other[0])
                one[1].extend(other[1])
                merged = True
                break
    return [members for _, members in groups]


async def test_the_latest_are_those_of_plain_python(client, observations):
    for patient, category, number in (
        ("p", "vital-signs", 1),
        ("p", "laboratory", 3),
        ("q", "vital-signs", 2),
    ):
        about = [
            tree
            for tree in observations
            if tree["subject"]["reference"] == f"Patient/{patient}"
            and tree["category"][0]["coding"][0]["code"] == category
        ]
        expected, undated = set(), 0
        for group in grouped(about):
            dates = sorted(
                (tree["effectiveDateTime"] for tree in group if "effectiveDateTime" in tree), reverse=True
            )
            least = dates[:number][-1] if dates else None
            expected |= {
                tree["id"]
                for tree in group
                if "effectiveDateTime" in tree and tree["effectiveDateTime"] >= least
            }
            undated += max(0, min(number - len(dates), len(group) - len(dates)))
        query = f"/fhir/Observation/$lastn?patient={patient}&category={category}&max={number}"
        entries = (await client.get(query)).json()["entry"]
        found = [entry["resource"] for entry in entries]
        assert {tree["id"] for tree in found if "effectiveDateTime" in tree} == expected
        assert len([tree for tree in found if "effectiveDateTime" not in tree]) == undated
        dates = [tree["effectiveDateTime"] for tree in found if "effectiveDateTime" in tree]
        assert dates == sorted(dates, reverse=True)


async def test_the_statistics_by_day_are_those_of_plain_python(client, observations):
    days = {}
    for tree in observations:
        if tree["subject"]["reference"] != "Patient/p" or tree["status"] == "entered-in-error":
            continue
        if "effectiveDateTime" not in tree:
            continue
        day = tree["effectiveDateTime"][:10]
        own = "a" in codes_of(tree)
        held = tree.get("component", [])
        if own and not held:
            value = tree.get("valueQuantity", {})
            days.setdefault(day, []).append(None if not value or "comparator" in value else value["value"])
        if own and held:
            days.setdefault(day, []).append(None)
        days.setdefault(day, []).extend(one["valueQuantity"]["value"] for one in held)
    asked = "&".join(f"statistic={code}" for code in ("count", "total-count", "average", "median", "4-upper"))
    answer = await client.get(
        f"/fhir/Observation/$stats?subject=Patient/p&code=a&system={LOINC}&by=day&{asked}"
    )
    found = {}
    for one in answer.json()["parameter"]:
        numbers = [
            part.get("valueInteger", part.get("valueQuantity", {}).get("value"))
            for part in one["resource"]["component"]
        ]
        found[one["resource"]["effectivePeriod"]["start"][:10]] = numbers
    assert found.keys() == {day for day, values in days.items() if values}
    for day, (count, total, average, median, upper) in found.items():
        values = [value for value in days[day] if value is not None]
        assert (count, total) == (len(values), len(days[day])), day
        if values:
            assert average == pytest.approx(statistics.fmean(values), abs=1e-4)
            assert median == pytest.approx(statistics.median(values), abs=1e-4)
        if len(values) > 1:
            assert upper == pytest.approx(statistics.quantiles(values, n=4, method="inclusive")[2], abs=1e-4)
