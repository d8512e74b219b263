"""The Provenance of what a device sent, asked for over HTTP."""

import hashlib
import json

TIME = "2026-03-01T12:00:0{}Z"


def _reading(second, spo2, **members):
    return {"timestamp": TIME.format(second), "data": {"spo2": spo2}, **members}


async def _found(client, query):
    answer = await client.get(f"/fhir/{query}")
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


async def test_an_observation_leads_to_the_message_it_came_in(client, register, send):
    enrolled = (await register()).json()
    readings = [_reading(1, 97), _reading(2, 98)]
    results = (await send(enrolled, *readings)).json()["results"]
    first, second = (result["references"][0] for result in results)

    (made,) = await _found(client, f"Provenance?target={first}")

    sha256 = hashlib.sha256(json.dumps(readings).encode()).hexdigest()
    assert [target["reference"] for target in made["target"]] == [first, second, "Patient/p1"]
    assert made["entity"][0]["what"]["identifier"]["value"] == sha256
    assert made["policy"] == ["urn:fhir-server:device-type:pulse-oximeter:1"]
    assert made["occurredPeriod"] == {"start": TIME.format(1), "end": TIME.format(2)}
    for query in (
        f"Provenance?agent=Device/{made['agent'][0]['who']['reference'].removeprefix('Device/')}",
        f"Provenance?entity:identifier=urn:fhir-server:message:sha-256|{sha256}",
        "Patient/p1/Provenance",
        f"Observation?_id={first.removeprefix('Observation/')}&_revinclude=Provenance:target",
    ):
        assert made in await _found(client, query), query


async def test_a_replay_writes_no_other_and_a_correction_says_what_it_replaced(client, register, send):
    enrolled = (await register()).json()
    (reference,) = (await send(enrolled, _reading(1, 97))).json()["results"][0]["references"]
    await send(enrolled, _reading(1, 97), _reading(1, 97))
    assert len(await _found(client, "Provenance")) == 1

    await send(enrolled, _reading(1, 96, corrects=True))
    await send(enrolled, _reading(1, 96, corrects=True, patient="p1"))

    _, corrected = sorted(
        await _found(client, f"Provenance?target={reference}"), key=lambda one: one["recorded"]
    )
    assert corrected["activity"]["coding"][0]["code"] == "UPDATE"
    assert corrected["entity"][1] == {"role": "revision", "what": {"reference": f"{reference}/_history/1"}}


async def test_a_rejected_reading_has_none_and_one_taken_in_beside_it_has(client, register, send):
    enrolled = (await register()).json()
    results = (await send(enrolled, _reading(1, 0), _reading(2, 97))).json()["results"]
    assert [result["status"] for result in results] == ["rejected", "created"]

    (made,) = await _found(client, "Provenance")

    assert [target["reference"] for target in made["target"]] == [*results[1]["references"], "Patient/p1"]


async def test_the_signal_quality_stands_beside_the_value_and_its_definition_is_served(
    client, register, send
):
    enrolled = (await register()).json()
    (result,) = (await send(enrolled, _reading(1, 97, quality=0.9))).json()["results"]

    found = (await client.get(f"/fhir/{result['references'][0]}")).json()

    definition = (await client.get("/fhir/StructureDefinition/signal-quality")).json()
    assert found["extension"] == [{"url": definition["url"], "valueDecimal": 0.9}]
    checked = await client.post("/fhir/StructureDefinition/$validate", json=definition)
    assert checked.json()["issue"][0]["severity"] == "information"
