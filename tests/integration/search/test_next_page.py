"""The link to the next page of a search that is too long for it."""

import secrets
from datetime import UTC, datetime

import pytest

from fhir_server.errors import Expired, Forbidden, InvalidSearch
from fhir_server.search.cursor import Cursor
from fhir_server.search.next_page import next_link, resumed
from fhir_server.search.order import Position
from fhir_server.search.parse import Compartment
from fhir_server.search.plan import Limits
from fhir_server.search.seal import Seal

LONG = ("_id", ",".join(["a", "b", "c", *(secrets.token_hex(32) for _ in range(497))]))
MINE = Seal(b"k" * 32, "tester", "Observation")


@pytest.fixture
async def observations(store, observation):
    await store(observation("a"), observation("b"), observation("c"))


async def kept(database):
    async with database.connection() as connection:
        return await (await connection.execute("SELECT sealed FROM kept_search")).fetchall()


async def test_a_search_too_long_for_a_link_is_gone_on_with_by_a_short_one(database, find, observations):
    found = await find("Observation", LONG, ("_count", "1"), ("_sort", "-_id"))
    ids = [found.ids]
    while found.next:
        assert len(found.link("next")) < 300
        found = await find("Observation", *found.next)
        ids.append(found.ids)

    assert ids == [["c"], ["b"], ["a"]]
    assert not any(LONG[1][-64:].encode() in bytes(sealed) for (sealed,) in await kept(database))


async def test_a_search_that_a_link_has_room_for_is_not_kept(database, find, observations):
    found = await find("Observation", ("status", "final"), ("_count", "1"))

    assert (await find("Observation", *found.next)).ids == ["b"]
    assert await kept(database) == []


async def test_a_link_to_what_is_kept_says_when_it_has_expired(database, find, observations):
    found = await find("Observation", LONG, ("_count", "1"), limits=Limits(50, 1000, next_link_seconds=-1))

    with pytest.raises(Expired, match="kept for its next page for a while, which is over"):
        await find("Observation", *found.next)


async def test_what_is_kept_is_its_callers_alone_at_the_path_that_was_searched(find, observations):
    (cursor,) = (await find("Observation", LONG, ("_count", "1"))).next

    for type, pair, changes in [
        ("Observation", cursor, {"cursor_key": b"x" * 32}),
        ("Patient", cursor, {}),
        ("", cursor, {}),
        ("Observation", cursor, {"compartment": Compartment("Patient", "p1")}),
        ("Observation", ("_cursor", "~" + "A" * 60), {}),
        ("Observation", ("_cursor", "~"), {}),
        ("Observation", ("_cursor", cursor[1].removeprefix("~")), {}),
    ]:
        with pytest.raises(InvalidSearch, match="not one of ours"):
            await find(type, pair, **changes)
    with pytest.raises(Forbidden, match="another caller"):
        await find("Observation", cursor, caller="another")


async def test_a_sealed_text_that_names_nothing_kept_has_expired(database):
    async with database.connection() as connection:
        with pytest.raises(Expired):
            await resumed(connection, MINE, "~" + MINE.close(b"x" * 16))


async def test_a_search_too_long_even_to_be_kept_is_refused(database):
    pairs = (("_id", secrets.token_hex(2_000_000)),)
    cursor = Cursor(pairs, datetime(2026, 1, 1, tzinfo=UTC), Position(("a",), 1))

    async with database.connection() as connection:
        with pytest.raises(InvalidSearch, match="too long to be gone on with"):
            await next_link(connection, MINE, cursor, lambda text: f"http://x?_cursor={text}", seconds=60)


async def test_the_pages_of_a_search_without_sort_keep_the_order_of_the_first(database, find, observations):
    found = await find("Observation", ("patient", "p1"), ("_count", "1"))
    ((_, text),) = found.next

    async with database.connection() as connection:
        cursor = await resumed(connection, MINE, text)

    assert cursor.pairs == (("patient", "p1"), ("_count", "1"), ("_sort", "-date"))
