import pytest

from fhir_server.validation.structure import check

LOINC = "http://loinc.org"


def observation(id, *codings, day=None, patient="Patient/p", text=None, category="vital-signs", **more):
    code = {"coding": [{"system": LOINC, "code": one} for one in codings]} if codings else {}
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "category": [{"coding": [{"code": category}]}],
        "code": code | ({"text": text} if text else {}),
        "subject": {"reference": patient},
        **({"effectiveDateTime": day} if day else {}),
        **more,
    }


TREES = [
    observation("hr1", "8867-4", day="2026-01-01T10:00:00Z"),
    observation("hr2", "8867-4", day="2026-01-02T10:00:00Z"),
    observation("hr3", "8867-4", day="2026-01-03T10:00:00Z"),
    observation("hr3b", "8867-4", day="2026-01-03T11:00:00+01:00"),
    observation("hr0", "8867-4"),
    observation("spo2-a", "2708-6", day="2026-01-01T10:00:00Z"),
    observation("spo2-both", "2708-6", "59408-5", day="2026-01-02T10:00:00Z"),
    observation("spo2-b", "59408-5", day="2026-01-04T10:00:00Z"),
    observation("lab", "2339-0", day="2026-01-05T10:00:00Z", category="laboratory"),
    observation("text1", text="Mood", day="2026-01-01T10:00:00Z"),
    observation("text2", text="Mood", day="2026-01-02T10:00:00Z"),
    observation("text3", text="mood", day="2026-01-01T10:00:00Z"),
    observation("error", "8310-5", day="2026-01-01T10:00:00Z", status="entered-in-error"),
    observation("other", "8867-4", day="2026-02-01T10:00:00Z", patient="Patient/q"),
    observation("on-device", "8867-4", day="2026-02-01T10:00:00Z", patient="Device/d"),
    observation("on-device-before", "8867-4", day="2026-01-01T10:00:00Z", patient="Device/d"),
    observation("period", "9279-1", effectivePeriod={"end": "2026-01-01"}),
]


@pytest.fixture
async def observations(stored):
    await stored(TREES)


async def latest(client, query):
    answer = await client.get(f"/fhir/Observation/$lastn?{query}")
    assert answer.status_code == 200, answer.text
    check("Bundle", answer.content)
    bundle = answer.json()
    assert bundle["total"] == len(bundle.get("entry", []))
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


async def test_the_latest_of_each_code_are_given_newest_first(client, observations):
    vitals = "patient=p&category=vital-signs"
    first, *rest, last = await latest(client, vitals)
    assert (first, last) == ("spo2-b", "period")
    assert [set(rest[:2]), set(rest[2:3]), set(rest[3:])] == [{"hr3", "hr3b"}, {"text2"}, {"error", "text3"}]
    assert await latest(client, "subject=Patient/p&category=laboratory") == ["lab"]
    assert await latest(client, "patient=nobody&category=laboratory") == []


async def test_observations_of_one_time_count_as_one_and_those_without_come_last(client, observations):
    async def heart_rates(number):
        return await latest(client, f"patient=p&code={LOINC}|8867-4&max={number}")

    assert set(await heart_rates(1)) == {"hr3", "hr3b"}
    assert set(await heart_rates(2)) == {"hr3", "hr3b"}
    assert (await heart_rates(3))[2:] == ["hr2"]
    assert (await heart_rates(5))[2:] == ["hr2", "hr1", "hr0"]
    assert len(await heart_rates(50)) == 5


async def test_codings_that_one_observation_joins_are_one_group(client, observations):
    assert await latest(client, "patient=p&code=2708-6,59408-5") == ["spo2-b"]
    assert await latest(client, "patient=p&code=2708-6") == ["spo2-both"]
    await client.delete("/fhir/Observation/spo2-both")
    assert await latest(client, "patient=p&code=2708-6,59408-5") == ["spo2-b", "spo2-a"]


async def test_other_search_parameters_narrow(client, observations):
    before = "patient=p&code=8867-4&date=lt2026-01-03"
    assert await latest(client, before) == ["hr2"]
    assert await latest(client, "patient=p&category=vital-signs&status=entered-in-error") == ["error"]
    assert await latest(client, "patient=p&category:not=vital-signs&code=2339-0") == ["lab"]
    assert await latest(client, "patient=p&code:not=8867-4&category=laboratory") == ["lab"]


async def test_the_subject_may_be_something_else_than_a_patient(client, observations):
    assert await latest(client, "subject=Device/d&code=8867-4") == ["on-device"]
    assert await latest(client, "subject=Device/d&code=8867-4&max=2") == ["on-device", "on-device-before"]


async def test_parameters_may_be_posted(client, fhir, observations):
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueString": "p"}, {"name": "code", "valueString": "8867-4"},
        {"name": "max", "valuePositiveInt": 3}]}  # fmt: skip
    answer = await client.post("/fhir/Observation/$lastn", **fhir(body))
    assert answer.json()["total"] == 3
    head = await client.head("/fhir/Observation/$lastn?patient=p&code=8867-4&_format=json")
    assert (head.status_code, head.content) == (200, b"")


async def test_what_it_cannot_be_called_with_is_named(client):
    for query, named in [
        ("category=vital-signs", "subject"), ("patient=p,q&code=x", "subject"), ("patient=p&subject=q&code=x", "subject"),
        ("patient=p", "category"), ("patient=p&date=2026", "category"), ("patient=p&code=x&max=0", "max"),
        ("patient=p&code=x&max=9999", "max"), ("patient=p&code=x&max=1&max=2", "max"), ("patient=p&code=x&_count=1", "_count"),
        ("patient=p&code=x&_include=Observation:device", "_include"), ("patient=p&code=x&nonsense=1", "nonsense"),
        ("patient=p&code=x&date=never", "date"), ("patient=p&code:in=http://x.example/v", "code:in"), ("patient:missing=true&code=x", "subject"),
    ]:  # fmt: skip
        answer = await client.get(f"/fhir/Observation/$lastn?{query}")
        assert answer.status_code == 400, (query, answer.text)
        assert answer.json()["issue"][0]["expression"] == [named], query
    assert (await client.get("/fhir/Patient/$lastn?patient=p&code=x")).status_code == 404
