"""Searches by date that name neither a patient nor a code: an index gives their order, however many there are."""

from datetime import UTC, datetime

import pytest

from fhir_server.search.compile import page
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import parse
from fhir_server.search.plan import Limits, plan
from fhir_server.store.predicate import EVERYTHING
from tests.integration.search.conftest import showing

MANY = 5_000
HOUR = (("date", "ge2026-01-01T01:00:00Z"), ("date", "lt2026-01-01T01:05:00Z"))


@pytest.fixture
async def many(database):
    """Observations (type 96), one a minute."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO resource (rid, type, id, version, method, last_updated, date_lo, date_hi, tokens, body) "
            "SELECT 1000000 + n, 96, 'o' || n, 1, 'PUT', now(), d, d, '{}', "
            "jsonb_build_object('resourceType', 'Observation', 'id', 'o' || n, 'status', 'final') "
            "FROM generate_series(1, %s) n, LATERAL (SELECT timestamptz '2026-01-01Z' + n * interval '1 minute') x(d)",
            (MANY,),
        )
        await connection.execute("ANALYZE resource")


@pytest.mark.parametrize("pairs", [(), HOUR, (("date", "2026-01-02"),), (("status:not", "amended"),)])
@pytest.mark.parametrize("sort", ["-date", "date", "-date,_id"])
async def test_no_more_is_read_than_the_index_gives_in_order(database, many, pairs, sort):
    reading = Reading(datetime(2026, 6, 1, tzinfo=UTC), "")
    parsed = parse("Observation", (*pairs, ("_sort", sort)))
    statement = page(plan(parsed, showing(EVERYTHING), "strict", Limits(50, 1000), reading), None, 51)

    async with database.connection() as connection:
        cursor = await connection.execute(f"EXPLAIN {statement.sql}", statement.params)
        told = "\n".join(line for (line,) in await cursor.fetchall())

    assert "resource_type_date" in told
    assert "Seq Scan" not in told


async def test_the_newest_of_all_patients_come_page_by_page(find, many):
    found = await find("Observation", ("_sort", "-date"), ("_count", "3"))

    assert found.ids + (await find("Observation", *found.next)).ids == [f"o{MANY - n}" for n in range(6)]


async def test_a_range_of_dates_ends_and_begins_where_it_says(find, many):
    assert (await find("Observation", *HOUR, ("_sort", "-date"))).ids == ["o64", "o63", "o62", "o61", "o60"]
    assert (await find("Observation", *HOUR, ("_sort", "date"))).ids == ["o60", "o61", "o62", "o63", "o64"]
