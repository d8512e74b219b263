"""Rejected readings, kept with their bytes until they can be taken in."""

from datetime import UTC, datetime, timedelta

from fhir_server.interactions import device_registry
from ingest.retry import retry


def now():
    return datetime.now(UTC)


async def test_a_letter_holds_the_bytes_of_its_reading_alone(clinic, oximeter):
    await oximeter.readings(b'[{"timestamp": 1}, {"a":   1.50}]')
    letters = await clinic.pipeline().dead_letters.waiting()
    assert [each.letter.payload for each in letters] == [b'{"timestamp": 1}', b'{"a":   1.50}']
    assert {each.letter.device for each in letters} == {"pi-001"}
    assert letters[0].letter.issues[0].element == "data"


async def test_letters_are_paged_by_number(clinic, oximeter):
    await oximeter.readings([{"n": number} for number in range(5)])
    letters = clinic.pipeline().dead_letters
    first = await letters.waiting(limit=2)
    rest = await letters.waiting(after=first[-1].number)
    assert len(first) + len(rest) == 5
    assert await letters.get(rest[-1].number + 1) is None


async def test_a_letter_is_stored_once_its_device_is_assigned(clinic):
    device = await clinic.device(patient=None)
    measured = now() - timedelta(hours=1)
    answer = await device.readings({"timestamp": measured.isoformat(), "data": {"spo2": 97}})
    assert answer.json()["results"][0]["status"] == "rejected"
    pipeline = clinic.pipeline()
    (kept,) = await pipeline.dead_letters.waiting()
    assert (await retry(pipeline, kept, now)).status == "rejected"
    await device_registry.assign(
        clinic.database, name=device.name, patient="p3", start=measured - timedelta(hours=1)
    )
    result = await retry(pipeline, kept, now)
    assert result.status == "created"
    assert (await clinic.resource(result.references[0]))["subject"]["reference"] == "Patient/p3"
    assert await pipeline.dead_letters.waiting() == []
    done = await pipeline.dead_letters.get(kept.number)
    assert (done.references, done.letter.payload) == (result.references, b"")
