"""Readings that arrive twice, corrected, late or against each other."""

import asyncio
import itertools

import psycopg

from fhir_server.interactions.sink import StoreSink
from fhir_server.json import parse
from fhir_server.store import history, resources
from fhir_server.store.database import Database
from fhir_server.store.predicate import EVERYTHING
from ingest.sink import Draft, Group
from mappers.provenance import Measured, Message
from mappers.times import device_time

_NOON = device_time("2026-01-01T12:00:00Z")
_MESSAGE = Message(bytes(32), _NOON.moment, "d1", "pulse-oximeter", "1")
_MEASURED = Measured(_NOON, _NOON)


def _observation(id, value, **content):
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2708-6"}]},
        "subject": {"reference": "Patient/p1"},
        "device": {"reference": "Device/d1"},
        "effectiveDateTime": "2026-01-01T00:00:00Z",
        "valueQuantity": {"value": value, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
        **content,
    }


def _group(*values, amends=False):
    drafts = tuple(Draft(_observation(id, value), value) for id, value in values)
    return Group(drafts, _MESSAGE, _MEASURED, amends)


async def _count(database, table="resource"):
    async with database.connection() as connection:
        return (await (await connection.execute(f"SELECT count(*) FROM {table}")).fetchone())[0]


async def _provenances(database):
    async with database.connection() as connection:
        found = await history.everything(connection, "Provenance", EVERYTHING, history.Window(), 50)
    return [parse(entry.version.body) for entry in reversed(found)]


async def test_a_new_reading_is_created_and_its_replay_is_unchanged(database):
    sink = StoreSink(database)
    first = await sink.store([_group(("a", 97), ("b", 60))])
    second = await sink.store([_group(("a", 97), ("b", 60))])
    assert [s.outcome for s in first + second] == ["created", "unchanged"]
    assert first[0].references == second[0].references == ("Observation/a", "Observation/b")
    assert await _count(database, "change_log") == 3  # with the Provenance of both


async def test_a_replay_leaves_no_error_in_the_log_of_postgresql(database_url):
    database = Database(database_url)
    await database.open()
    sink = StoreSink(database)
    for _ in range(2):
        await sink.store([_group(("a", 97), ("b", 60)), _group(("c", 95))])
    await sink.store([_group(("c", 94))])
    await database.close()  # a connection that ends has told of its statements
    with psycopg.connect(database_url) as connection:
        sql = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        assert connection.execute(sql).fetchone() == (0,)


async def test_another_value_under_the_same_identity_is_ambiguous_and_stores_nothing_of_its_group(database):
    sink = StoreSink(database)
    await sink.store([_group(("a", 97))])
    (answer,) = await sink.store([_group(("a", 96), ("b", 60))])
    assert (answer.outcome, answer.references) == ("ambiguous", ())
    assert await _count(database) == 2  # with its Provenance


async def test_a_correction_is_a_new_version_amended_with_a_provenance_of_what_it_replaced(database):
    sink = StoreSink(database)
    await sink.store([_group(("a", 97))])
    (answer,) = await sink.store([_group(("a", 96), amends=True)])
    async with database.connection() as connection:
        found = await resources.read(connection, "Observation", "a", EVERYTHING)
        first = await resources.vread(connection, "Observation", "a", 1, EVERYTHING)
    assert answer.outcome == "amended"
    assert (parse(found.body)["status"], parse(found.body)["valueQuantity"]["value"], found.version) == (
        "amended",
        96,
        2,
    )
    assert parse(first.body)["valueQuantity"]["value"] == 97
    _, amendment = await _provenances(database)
    assert amendment["entity"][1] == {"role": "revision", "what": {"reference": "Observation/a/_history/1"}}
    assert amendment["activity"]["coding"][0]["code"] == "UPDATE"


async def test_a_correction_sent_twice_amends_once(database):
    sink = StoreSink(database)
    await sink.store([_group(("a", 97))])
    outcomes = [(await sink.store([_group(("a", 96), amends=True)]))[0].outcome for _ in range(2)]
    assert outcomes == ["amended", "unchanged"]


async def test_a_deleted_reading_is_not_resurrected(database):
    sink = StoreSink(database)
    await sink.store([_group(("a", 97))])
    async with database.transaction() as work:
        await work.delete(await work.lock("Observation", "a"))
    outcomes = [(await sink.store([_group(("a", 97), amends=amends)]))[0].outcome for amends in (False, True)]
    assert outcomes == ["deleted", "deleted"]


async def test_one_request_may_hold_a_reading_its_replay_and_its_correction(database):
    sink = StoreSink(database)
    answers = await sink.store(
        [_group(("a", 97)), _group(("a", 97)), _group(("a", 95)), _group(("a", 96), amends=True)]
    )
    assert [answer.outcome for answer in answers] == ["created", "unchanged", "ambiguous", "amended"]


async def test_an_invalid_resource_refuses_its_own_group_alone(database):
    bad = Group((Draft(_observation("x", 97, status="bogus"), 1),), _MESSAGE, _MEASURED)
    answers = await StoreSink(database).store([_group(("a", 97)), bad, _group(("b", 98))])
    assert [answer.outcome for answer in answers] == ["created", "invalid", "created"]
    assert answers[1].issues[0].element == "Observation.status"


async def test_the_same_readings_on_many_connections_at_once_are_created_once(database):
    sinks = [StoreSink(database) for _ in range(6)]
    groups = [_group((f"o{n}", 97), (f"p{n}", 60)) for n in range(20)]
    answers = await asyncio.gather(*(sink.store(groups[n:] + groups[:n]) for n, sink in enumerate(sinks)))
    outcomes = [answer.outcome for answer in itertools.chain(*answers)]
    assert outcomes.count("created") == 20
    assert outcomes.count("unchanged") == 100
    named = [target["reference"] for each in await _provenances(database) for target in each["target"][:-1]]
    assert sorted(named) == sorted(f"Observation/{name}{n}" for name in "op" for n in range(20))
    assert await _count(database, "change_log") == 40 + len(await _provenances(database))


async def test_what_is_created_is_named_once_with_the_message_the_device_and_the_patient(database):
    await StoreSink(database).store([_group(("a", 97)), _group(("b", 60))])
    (made,) = await _provenances(database)
    assert [target["reference"] for target in made["target"]] == [
        "Observation/a",
        "Observation/b",
        "Patient/p1",
    ]
    assert made["entity"][0]["what"]["identifier"]["value"] == "00" * 32
    assert made["agent"][0]["who"] == {"reference": "Device/d1"}
    assert made["policy"] == ["urn:fhir-server:device-type:pulse-oximeter:1"]


async def test_a_replay_in_part_is_named_for_what_is_new_alone(database):
    sink = StoreSink(database)
    await sink.store([_group(("a", 97))])
    await sink.store([_group(("a", 97)), _group(("b", 60)), _group(("a", 96), amends=True)])
    _, created, amended = await _provenances(database)
    assert [target["reference"] for target in created["target"]] == ["Observation/b", "Patient/p1"]
    assert [target["reference"] for target in amended["target"]] == ["Observation/a", "Patient/p1"]


async def test_no_provenance_names_more_than_five_hundred(database):
    await StoreSink(database).store([_group(*[(f"o{n}", n) for n in range(501)])])
    assert sorted(len(each["target"]) for each in await _provenances(database)) == [2, 501]


def _steps(value, status="final", issued="2026-01-01T12:00:00.000Z"):
    drafts = (Draft(_observation("a", value, status=status, issued=issued), value),)
    return Group(drafts, _MESSAGE, _MEASURED)


async def test_what_is_preliminary_is_replaced_until_it_is_final_and_not_after(database):
    sink = StoreSink(database)
    first, later = "2026-01-01T11:00:00.000Z", "2026-01-01T13:00:00.000Z"
    sent = [
        _steps(1000, "preliminary"),
        _steps(900, "preliminary", first),
        _steps(1500, "preliminary", later),
        _steps(1500, "final", later),
        _steps(1400, "preliminary", later),
        _steps(1600, "final", later),
    ]
    answers = [(await sink.store([each]))[0] for each in sent]
    outcomes = ["created", "unchanged", "amended", "amended", "unchanged", "ambiguous"]
    assert [each.outcome for each in answers] == outcomes
    assert [bool(each.issues) for each in answers] == [False, True, False, False, True, False]
    async with database.connection() as connection:
        found = await history.everything(connection, "Observation", EVERYTHING, history.Window(), 50)
    bodies = [parse(entry.version.body) for entry in reversed(found)]
    assert [(each["status"], each["valueQuantity"]["value"]) for each in bodies] == [
        ("preliminary", 1000),
        ("preliminary", 1500),
        ("final", 1500),
    ]


async def test_a_preliminary_reading_and_the_final_one_may_come_in_one_request(database):
    answers = await StoreSink(database).store([_steps(1000, "preliminary"), _steps(1500)])
    assert [each.outcome for each in answers] == ["created", "amended"]
