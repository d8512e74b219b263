from dataclasses import replace
from datetime import timedelta

import pytest

from ingest.decoders.batch import json_batch
from ingest.pipeline import issue_of
from ingest.ports import Assignment
from mappers.device import metric_keys
from mappers.reading import MappingIssue, Reading
from mappers.times import device_time


async def take(bench, *bodies, device=None):
    batch = json_batch(("[" + ",".join(bodies) + "]").encode(), 100)
    return await bench.pipeline.take(
        batch.items, batch.raw, device or bench.device, bench.now, "reading", bytes(32)
    )


def at(moment, data='{"spo2": 97}', more=""):
    return f'{{"timestamp": "{moment.isoformat()}", "data": {data}{more}}}'


def subject(bench, result):
    return bench.sink.stored[result.references[0].partition("/")[2]][0]["subject"]["reference"]


async def test_a_reading_belongs_to_the_patient_assigned_when_it_was_measured(bench):
    handover = bench.now - timedelta(hours=1)
    device = replace(
        bench.device,
        assignments=(
            Assignment("first", bench.now - timedelta(days=1), handover),
            Assignment("second", handover, bench.now + timedelta(days=1)),
        ),
    )
    moments = [handover, handover - timedelta(seconds=1), bench.now, handover - timedelta(hours=2)]
    results = await take(bench, *map(at, moments), device=device)
    assert [subject(bench, each) for each in results] == [
        "Patient/second",
        "Patient/first",
        "Patient/second",
        "Patient/first",
    ]


async def test_a_reading_of_nobodys_time_is_rejected_and_kept(bench):
    (result,) = await take(bench, at(bench.now - timedelta(days=20)))
    assert result.status == "rejected"
    assert result.issues[0].element == "patient"
    assert bench.letters.kept[0].letter.payload == at(bench.now - timedelta(days=20)).encode()


async def test_of_a_clock_that_was_never_set_that_is_said_and_not_whose_device_it_was(bench):
    (result,) = await take(bench, '{"timestamp": 1772366, "data": {"spo2": 97}}')
    (issue,) = result.issues
    assert (result.status, issue.element) == ("rejected", "timestamp")
    assert "1970-01-21T12:19:26Z is before 2000" in issue.diagnostics


async def test_a_reading_that_names_another_patient_is_rejected(bench):
    (result,) = await take(bench, at(bench.now, more=', "patient": "p2"'))
    assert (result.status, result.issues[0].element) == ("rejected", "patient")
    assert not bench.sink.stored


async def test_older_assignments_are_asked_for_once_and_only_when_needed(bench):
    long_ago = bench.now - timedelta(days=400)
    bench.devices.older = (Assignment("former", long_ago - timedelta(days=1), long_ago + timedelta(days=1)),)
    await take(bench, at(bench.now))
    assert bench.devices.asked_since == []
    (first, second) = await take(bench, at(long_ago), at(long_ago + timedelta(seconds=1)))
    assert subject(bench, first) == subject(bench, second) == "Patient/former"
    assert bench.devices.asked_since == [long_ago]


async def test_a_field_is_named_by_its_path_in_the_reading(bench):
    results = await take(
        bench,
        at(bench.now, '{"spo2": 101}'),
        at(bench.now, '{"spo2": 97, "sp02": 97}'),
        at(bench.now, "{}"),
        at(bench.now + timedelta(minutes=6)),
    )
    assert [each.issues[0].element for each in results] == [
        "data.spo2",
        "data.sp02",
        "data.spo2",
        "timestamp",
    ]


@pytest.mark.parametrize(("format", "element"), [("reading", "data"), ("vitals", None)])
def test_that_nothing_was_measured_is_said_of_what_holds_the_values(bench, format, element):
    reading = Reading("pi-001", "pulse-oximeter", device_time(1), bench.now, {})
    assert issue_of(MappingIssue("required", "fields", "Nothing."), reading, format).element == element


async def test_a_batch_of_rejected_readings_never_reaches_the_sink(bench):
    await take(bench, '{"a": 1}', "7")
    assert bench.sink.calls == 0
    assert [each.letter.payload for each in bench.letters.kept] == [b'{"a": 1}', b"7"]


async def test_the_same_value_is_unchanged_another_is_ambiguous_and_a_correction_amends(bench):
    results = [
        (await take(bench, body))[0]
        for body in (
            at(bench.now),
            at(bench.now, '{"spo2": 97.0}'),
            at(bench.now, '{"spo2": 96}'),
            at(bench.now, '{"spo2": 96}', ', "corrects": true'),
        )
    ]
    assert [each.status for each in results] == ["created", "unchanged", "rejected", "amended"]
    assert results[2].issues[0].code == "conflict"


async def test_a_device_whose_type_was_declared_anew_gets_its_metrics_before_its_readings(bench):
    await take(bench, at(bench.now))
    assert bench.states.completed == [bench.device.id]
    await take(bench, at(bench.now), device=replace(bench.device, metrics=metric_keys(bench.device.type)))
    assert bench.states.completed == [bench.device.id]


async def test_what_a_device_says_of_itself_goes_with_its_reading_or_alone_and_with_no_rejected_one(bench):
    said = ', "device_status": {"battery": 80}'
    alone = f'{{"timestamp": "{bench.now.isoformat()}"{said}}}'
    results = await take(bench, at(bench.now, more=said), alone, at(bench.now, '{"spo2": 101}', said))
    assert [each.status for each in results] == ["created", "created", "rejected"]
    assert [dict(each.status.said) for each in bench.states.kept] == [{"battery": "80"}] * 2
    assert results[1].references == (f"Device/{bench.device.id}",)
