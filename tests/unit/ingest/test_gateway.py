import json
from dataclasses import replace

import pytest

from ingest.errors import RateLimited, SinkUnavailable, TooLarge, Unauthenticated
from ingest.gateway import READINGS, VITALS
from ingest.retry import retry


def reading(bench, spo2=97):
    return json.dumps({"timestamp": bench.now.isoformat(), "data": {"spo2": spo2}}).encode()


async def send(bench, body, *, endpoint=READINGS, kind="json", **signing):
    form = "api" if endpoint is VITALS else "ingest"
    return await bench.gateway().answer(bench.signed(body, form=form, **signing), endpoint, kind)


def statuses(answer):
    return [each["status"] for each in json.loads(answer.body)["results"]]


async def test_a_copy_of_a_request_is_answered_as_the_first_was_and_stores_nothing(bench):
    first = await send(bench, reading(bench))
    second = await send(bench, reading(bench))
    assert second == first
    assert bench.sink.calls == 1


async def test_a_lost_answer_is_harmless_the_same_reading_signed_again_is_unchanged(bench):
    bench.admissions.forgetful = True
    first = await send(bench, reading(bench))
    bench.admissions.answers.clear()
    again = await send(bench, reading(bench))
    assert (statuses(first), statuses(again)) == (["created"], ["unchanged"])
    assert (
        json.loads(first.body)["results"][0]["references"]
        == json.loads(again.body)["results"][0]["references"]
    )


async def test_a_request_that_could_not_be_stored_may_be_sent_again(bench):
    bench.sink.away = True
    with pytest.raises(SinkUnavailable):
        await send(bench, reading(bench))
    bench.sink.away = False
    assert statuses(await send(bench, reading(bench))) == ["created"]


async def test_mixed_results_are_207_and_all_good_ones_200(bench):
    good, bad = reading(bench).decode(), reading(bench, 101).decode()
    assert (await send(bench, f"[{good}]".encode())).status == 200
    mixed = await send(bench, f"[{good},{bad}]".encode())
    assert (mixed.status, statuses(mixed)) == (207, ["unchanged", "rejected"])


async def test_an_empty_array_is_answered_empty(bench):
    answer = await send(bench, b"[]")
    assert (answer.status, json.loads(answer.body)) == (200, {"results": []})


@pytest.mark.parametrize(("body", "kind"), [(b"", "json"), (b"{", "json"), (b"\n \n", "ndjson")])
async def test_a_body_that_cannot_be_read_is_400_and_lies_in_the_dead_letter(bench, body, kind):
    answer = await send(bench, body, kind=kind)
    assert answer.status == 400
    assert json.loads(answer.body)["resourceType"] == "OperationOutcome"
    assert [each.letter.payload for each in bench.letters.kept] == [body]


async def test_too_many_readings_are_refused_and_may_be_sent_in_parts(bench):
    many = b"[" + b",".join([reading(bench)] * 3) + b"]"
    with pytest.raises(TooLarge):
        await bench.gateway(max_readings=2).answer(bench.signed(many), READINGS, "json")
    assert bench.admissions.answers == {}


async def test_vitals_are_answered_200_or_422_and_are_one_reading(bench):
    stamp = int(bench.now.timestamp())
    good = await send(bench, f'{{"spo2": 98, "timestamp": {stamp}}}'.encode(), endpoint=VITALS)
    assert (good.status, json.loads(good.body)["status"]) == (200, "created")
    bad = await send(bench, f'{{"spo2": 101, "timestamp": {stamp}}}'.encode(), endpoint=VITALS)
    assert (bad.status, json.loads(bad.body)["outcome"]["issue"][0]["expression"]) == (422, ["spo2"])
    assert (await send(bench, b"[]", endpoint=VITALS)).status == 400


async def test_nothing_of_a_refused_signature_is_kept(bench):
    with pytest.raises(Unauthenticated):
        await send(bench, reading(bench), secret=b"wrong")
    assert not bench.letters.kept
    assert not bench.admissions.answers


async def test_a_limited_device_is_told_when_to_come_back(bench):
    bench.admissions.limited = True
    with pytest.raises(RateLimited) as limited:
        await send(bench, reading(bench))
    assert limited.value.retry_after == 3


async def test_a_letter_is_taken_in_once_its_reason_is_gone(bench):
    assigned = bench.device
    bench.devices.known["pi-001"] = replace(assigned, assignments=())
    assert statuses(await send(bench, reading(bench))) == ["rejected"]
    (kept,) = await bench.letters.waiting()
    assert (await retry(bench.pipeline, kept, bench.clock)).status == "rejected"
    bench.devices.known["pi-001"] = assigned
    assert (await retry(bench.pipeline, kept, bench.clock)).status == "created"
    assert await bench.letters.waiting() == []
    done = await bench.letters.get(1)
    assert (await retry(bench.pipeline, done, bench.clock)).references == done.references
