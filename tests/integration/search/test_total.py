"""How many match: exactly, or as well as the database's statistics know."""

import pytest

from fhir_server.search.total import COUNTED
from fhir_server.store.predicate import Predicate

MANY = COUNTED + 5_000
MINE = Predicate("r.rid <= %s", (1_000_000 + COUNTED + 2_000,))


@pytest.fixture
async def many(database):
    """More Observations (type 96) than are counted for an estimate, half of them final."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO resource (rid, type, id, version, method, last_updated, tokens, body) "
            "SELECT 1000000 + n, 96, 'o' || n, 1, 'PUT', now(), '{}', "
            """'{"resourceType":"Observation","status":"final","code":{}}' """
            "FROM generate_series(1, %s) n",
            (MANY,),
        )
        await connection.execute("ANALYZE resource")


async def total(find, *pairs, **changes):
    return (await find("Observation", *pairs, **changes)).bundle.get("total")


async def test_an_estimate_of_few_is_exact(store, find, observation):
    await store(*(observation(f"o{n}", status=("final", "amended")[n % 2]) for n in range(7)))

    assert await total(find, ("_total", "estimate"), ("_count", "2"), ("status", "final")) == 4
    assert await total(find, ("_total", "estimate"), ("_count", "0")) == 7


async def test_an_estimate_of_many_is_near_the_count_and_a_count_is_exact(find, many):
    estimated = await total(find, ("_total", "estimate"), ("_count", "2"))

    assert estimated > COUNTED
    assert MANY * 0.8 < estimated < MANY * 1.25
    assert await total(find, ("_total", "accurate"), ("_count", "2")) == MANY


async def test_both_count_only_what_the_caller_may_see(find, many):
    assert await total(find, ("_total", "accurate"), ("_count", "0"), access=MINE) == COUNTED + 2_000
    assert COUNTED < await total(find, ("_total", "estimate"), ("_count", "0"), access=MINE) < MANY - 1_000
    few = Predicate("r.rid <= 1000003")
    assert await total(find, ("_total", "estimate"), ("_count", "0"), access=few) == 3


async def test_a_page_that_shows_every_match_is_its_own_total_on_every_kind(store, find, observation):
    await store(*(observation(f"o{n}") for n in range(3)))

    for kind in ("accurate", "estimate"):
        assert await total(find, ("_total", kind)) == 3
        assert await total(find, ("_total", kind), ("_count", "3")) == 3
        assert await total(find, ("_total", kind), ("_count", "1")) == 3
    assert await total(find, ("_total", "none")) is None


async def test_the_last_page_tells_the_total_of_all(store, find, observation):
    await store(*(observation(f"o{n}") for n in range(3)))
    first = await find("Observation", ("_total", "accurate"), ("_count", "2"))

    last = await find("Observation", *first.next)

    assert (first.bundle["total"], last.bundle["total"], last.ids) == (3, 3, ["o2"])


async def test_a_count_of_nothing_is_the_total_whatever_is_said_of_it(store, find, observation):
    await store(observation("o1"))

    for pairs in [(("_count", "0"), ("_total", "none")), (("_summary", "count"), ("_count", "5"))]:
        found = await find("Observation", *pairs)
        assert (found.bundle["total"], found.ids, found.link("next")) == (1, [], None)


async def test_what_is_included_is_not_counted(store, find, observation):
    await store(observation("o1"), {"resourceType": "Patient", "id": "p1"})

    found = await find("Observation", ("_include", "Observation:patient"), ("_total", "accurate"))

    assert (found.bundle["total"], found.included) == (1, {"Patient/p1"})
