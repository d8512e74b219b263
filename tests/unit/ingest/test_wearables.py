"""Records by the name of their type: each answered where it stood, kept whole when rejected, never brought back older."""

import json
from dataclasses import replace

from ingest.decoders.batch import named_batch
from ingest.gateway import OMH, WEARABLES
from ingest.retry import retry

PHONE_PATH = "/api/wearables/sync"


def phone(bench, assignments=None):
    device = replace(bench.device, profile="phone")
    bench.devices.known["pi-001"] = (
        device if assignments is None else replace(device, assignments=assignments)
    )
    return bench


def weight(kilograms, id="w1"):
    return {
        "time": "2026-03-01T11:00:00Z",
        "metadata": {"id": id, "lastModifiedTime": "2026-03-01T11:30:00Z"},
        "weight": {"inKilograms": kilograms},
    }


async def sync(bench, body):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    bench.admissions.answers.clear()
    answer = await bench.gateway().answer(bench.signed(text, form="api", path=PHONE_PATH), WEARABLES, "json")
    return answer.status, json.loads(answer.body)


async def test_each_record_is_answered_where_it_stood(bench):
    sent = {"weight": [weight(70), weight(7000, "w2")], "steps": [{"x": 1}], "height": []}
    status, said = await sync(phone(bench), sent)

    assert status == 207
    assert {name: [each["status"] for each in results] for name, results in said["results"].items()} == {
        "weight": ["created", "rejected"],
        "steps": ["rejected"],
    }
    assert said["results"]["weight"][1]["outcome"]["issue"][0]["expression"] == ["weight"]


async def test_a_record_sent_again_is_unchanged(bench):
    await sync(phone(bench), {"weight": [weight(70)]})
    status, said = await sync(bench, {"weight": weight(70)})

    assert (status, said["results"]["weight"][0]["status"]) == (200, "unchanged")


async def test_a_rejected_record_is_kept_as_it_came_and_can_be_taken_in_later(bench):
    assigned = bench.device.assignments
    record = b'{"time" :"2026-03-01T11:00:00Z","metadata":{"id":"a]"},"weight":{"inKilograms":70.50}}'
    body = b'{"steps":[],"weight": [ %b, 5 ]}' % record
    await sync(phone(bench, ()), body)

    assert [each.letter.payload for each in bench.letters.kept] == [
        b'{"weight":[%b]}' % record,
        b'{"weight":[5]}',
    ]
    phone(bench, assigned)
    assert (await retry(bench.pipeline, bench.letters.kept[0], bench.clock)).status == "created"


async def test_samples_of_one_record_are_stored_all_or_none(bench):
    samples = [
        {"time": f"2026-03-01T11:00:0{number}Z", "beatsPerMinute": rate}
        for number, rate in enumerate((60, 61, 999))
    ]
    record = {
        "startTime": "2026-03-01T11:00:00Z",
        "endTime": "2026-03-01T11:01:00Z",
        "metadata": {"id": "h1"},
    }
    _, refused = await sync(phone(bench), {"heartRate": [record | {"samples": samples}]})
    assert refused["results"]["heartRate"][0]["outcome"]["issue"][0]["expression"] == [
        "samples[2].beatsPerMinute"
    ]
    assert not bench.sink.stored
    _, taken = await sync(bench, {"heartRate": [record | {"samples": samples[:2]}]})
    assert len(taken["results"]["heartRate"][0]["references"]) == 2


async def test_a_body_that_is_no_object_is_400_and_lies_in_the_dead_letter(bench):
    for body in (b"[]", b"5", b"{", b'{"weight":[], "weight":[]}'):
        status, said = await sync(phone(bench), body)
        assert (status, said["resourceType"]) == (400, "OperationOutcome")
    assert len(bench.letters.kept) == 4


def test_the_bytes_of_each_record_stay_as_they_came():
    batch = named_batch(b' {"a" : [ {"x": "]}\\"" } , 1.50, []], "b":{"y":1}, "c": []} ', 10)

    assert batch.names == ("a", "a", "a", "b")
    assert [batch.raw(number) for number in range(4)] == [
        b'{"a":[{"x": "]}\\"" }]}',
        b'{"a":[1.50]}',
        b'{"a":[[]]}',
        b'{"b":[{"y":1}]}',
    ]


async def test_a_data_point_is_refused_by_the_member_that_is_implausible(bench):
    header = {
        "id": "p1",
        "creation_date_time": "2026-03-01T11:00:00Z",
        "schema_id": {"namespace": "omh", "name": "heart-rate", "version": "1.0"},
    }
    point = {"header": header, "body": {"heart_rate": {"value": 999, "unit": "beats/min"}}}
    request = phone(bench).signed(json.dumps(point).encode(), path="/ingest/omh")
    said = json.loads((await bench.gateway().answer(request, OMH, "json")).body)

    assert said["results"][0]["outcome"]["issue"][0]["expression"] == ["body.heart_rate"]
    (kept,) = bench.letters.kept
    assert kept.letter.format == "omh"
    assert (await retry(bench.pipeline, kept, bench.clock)).status == "rejected"
