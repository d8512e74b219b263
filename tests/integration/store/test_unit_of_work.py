"""Versions, history and the change log move together."""

import asyncio
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fhir_server.errors import Conflict
from fhir_server.json import parse
from fhir_server.store import history, resources
from fhir_server.store.drafts import Draft
from fhir_server.store.gather import Gather
from fhir_server.store.predicate import EVERYTHING, NOTHING
from fhir_server.store.rows import (
    DateRange,
    IndexRow,
    NumberRange,
    ParamDate,
    ParamNumber,
    ParamString,
    Unit,
)


def _draft(id=None, method="POST", **content):
    tree = {"resourceType": "Observation", "status": "final", **content}
    return Draft("Observation", id or str(uuid.uuid4()), tree, _index(), method)


def _index():
    lo, hi = datetime(2026, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return IndexRow(
        patient="p1",
        codings=("http://loinc.org|2708-6", "http://loinc.org|59408-5"),
        date=DateRange(lo, hi),
        value=NumberRange(Decimal("96.5"), Decimal("97.5"), Unit(5, "urn:x", "x", "x")),
        tokens=(-3, 7),
        dates=(ParamDate(1, datetime.min.replace(tzinfo=UTC), lo),),
        numbers=(ParamNumber(2, Decimal("1.50"), Decimal("1.60"), None),),
        strings=(ParamString(3, "a", "Á"),),
    )


async def test_what_was_created_is_read_back_with_every_digit_and_its_stamp(database):
    draft = Draft(
        "Observation",
        "o1",
        parse(
            b'{"resourceType":"Observation","meta":{"source":"urn:x","versionId":"9"},"valueQuantity":{"value":1.00}}'
        ),
        IndexRow(),
        "PUT",
    )
    async with database.transaction() as work:
        made = await work.create(draft)
    async with database.connection() as connection:
        found = await resources.read(connection, "Observation", "o1", EVERYTHING)
    assert parse(found.body).keys() == parse(made.body).keys()
    assert b'"value": 1.00' in found.body
    assert parse(found.body)["meta"] == {
        "source": "urn:x",
        "versionId": "1",
        "lastUpdated": found.last_updated.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


async def test_every_index_value_reaches_its_table(database):
    async with database.transaction() as work:
        await work.create(_draft("o1"))
    async with database.connection() as connection:
        row = await (
            await connection.execute(
                """SELECT p.id, date_lo, date_hi = 'infinity', value_lo, value_unit, tokens, d.lo = '-infinity', n.hi, s.exact,
                          (SELECT array_agg(system || '|' || code ORDER BY code) FROM code_set_coding c WHERE c.code_set = r.code_set)
                     FROM resource r JOIN patient_key p ON p.key = r.patient JOIN resource_date d USING (rid)
                     JOIN resource_number n USING (rid) JOIN resource_string s USING (rid)"""
            )
        ).fetchone()
    assert row == (
        "p1",
        datetime(2026, 1, 1, tzinfo=UTC),
        True,
        Decimal("96.5"),
        5,
        [-3, 7],
        True,
        Decimal("1.60"),
        "Á",
        ["http://loinc.org|2708-6", "http://loinc.org|59408-5"],
    )


async def test_updates_and_deletes_keep_every_version_with_times_that_strictly_grow(database):
    async with database.transaction() as work:
        await work.create(_draft("o1", valueInteger=1))
    for value in (2, 3):
        async with database.transaction() as work:
            await work.update(_draft("o1", "PUT", valueInteger=value), await work.lock("Observation", "o1"))
    async with database.transaction() as work:
        await work.delete(await work.lock("Observation", "o1"))
    async with database.connection() as connection:
        entries = await history.instance(connection, "Observation", "o1", EVERYTHING, history.Window(), 10)
        logged = await history.everything(connection, None, EVERYTHING, history.Window(), 10)
        second = await resources.vread(connection, "Observation", "o1", 2, EVERYTHING)
    versions = [entry.version for entry in entries]
    assert [(v.version, v.method, v.deleted) for v in versions] == [
        (4, "DELETE", True),
        (3, "PUT", False),
        (2, "PUT", False),
        (1, "POST", False),
    ]
    assert [v.last_updated for v in versions] == sorted({v.last_updated for v in versions}, reverse=True)
    assert [entry.version for entry in logged] == versions
    assert parse(second.body)["valueInteger"] == 2


async def test_a_deleted_resource_is_found_by_nothing(database):
    async with database.transaction() as work:
        await work.create(_draft("o1"))
        await work.delete(await work.lock("Observation", "o1"))
    async with database.connection() as connection:
        row = await (
            await connection.execute(
                """SELECT patient, code_set, date_lo, tokens, body, deleted, (SELECT count(*) FROM resource_date),
                          (SELECT count(*) FROM resource_number), (SELECT count(*) FROM resource_string) FROM resource"""
            )
        ).fetchone()
    assert row == (None, None, None, [], None, True, 0, 0, 0)


async def test_no_row_is_read_without_the_predicate(database):
    async with database.transaction() as work:
        await work.create(_draft("o1"))
    async with database.connection() as connection:
        assert await resources.read(connection, "Observation", "o1", NOTHING) is None
        assert await resources.vread(connection, "Observation", "o1", 1, NOTHING) is None
        assert await history.instance(connection, "Observation", "o1", NOTHING, history.Window(), 10) == []
        assert await history.everything(connection, "Observation", NOTHING, history.Window(), 10) == []


async def test_history_pages_neither_lose_nor_repeat_an_entry(database):
    for _ in range(7):
        await database.create_all([_draft(), _draft()])
    async with database.connection() as connection:
        seen, before = [], None
        while page := await history.everything(
            connection, None, EVERYTHING, history.Window(before=before), 4
        ):
            seen += [entry.version.id for entry in page]
            before = page[-1].place
    assert len(seen) == len(set(seen)) == 14


async def test_who_polls_a_history_since_the_last_time_seen_misses_no_slow_transaction(database):
    beginning = history.Window(since=datetime(2020, 1, 1, tzinfo=UTC))

    async def seen():
        async with database.connection() as connection:
            entries = await history.everything(connection, None, EVERYTHING, beginning, 10)
        return [entry.version.id for entry in entries]

    async with database.transaction() as slow:
        await slow.create(Draft("Basic", "slow", {}, IndexRow(), "PUT"))
        await database.create_all([Draft("Basic", "quick", {}, IndexRow(), "PUT")])
        assert await seen() == []
    assert sorted(await seen()) == ["quick", "slow"]


async def test_a_rolled_back_transaction_leaves_nothing_and_its_numbers_are_made_again(database):
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as work:
            await work.create(_draft("o1"))
            raise ZeroDivisionError
    async with database.transaction() as work:
        await work.create(_draft("o2"))
    async with database.connection() as connection:
        count = await (
            await connection.execute("SELECT count(*) FROM resource JOIN patient_key ON key = patient")
        ).fetchone()
    assert count == (1,)


async def test_creating_an_id_that_is_taken_is_a_conflict(database):
    async with database.transaction() as work:
        await work.create(_draft("o1"))
    with pytest.raises(Conflict, match="Observation/o1"):
        async with database.transaction() as work:
            await work.create(_draft("o1"))


async def test_creates_that_arrive_together_share_transactions_and_a_bad_one_fails_alone(database):
    gather = Gather(database)
    drafts = [_draft(valueString=f"reading {n}") for n in range(60)]
    drafts[17] = _draft(valueString="\0")
    answers = await asyncio.gather(*map(gather.create, drafts), return_exceptions=True)
    failed = [n for n, answer in enumerate(answers) if isinstance(answer, Exception)]
    async with database.connection() as connection:
        row = await (
            await connection.execute("SELECT count(*), count(DISTINCT xid) FROM change_log")
        ).fetchone()
    assert failed == [17]
    assert row[0] == 59
    assert row[1] < 20


async def test_who_polls_a_history_misses_nothing_when_the_older_transaction_has_the_later_time(database):

    async def since(moment):
        async with database.connection() as connection:
            entries = await history.everything(connection, None, EVERYTHING, history.Window(since=moment), 10)
        return [(entry.version.id, entry.version.last_updated) for entry in entries]

    await database.create_all(
        [_draft("known")]
    )  # else one would wait for the other's numbers of patient and codes
    seen, last = set[str](), datetime.min.replace(tzinfo=UTC)
    async with database.transaction() as late:
        async with database.transaction() as early:
            await early.create(_draft("first"))
            await late.create(_draft("between"))
            await asyncio.sleep(0.002)
            await early.create(_draft("last"))
        for id, moment in await since(last):
            seen.add(id)
            last = max(last, moment)
    seen |= {id for id, _ in await since(last)}

    assert seen == {"known", "first", "between", "last"}
