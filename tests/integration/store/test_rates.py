"""Callers may ask so often, however many workers they ask."""

import asyncio

import psycopg
import pytest

from fhir_server.errors import TooCostly
from fhir_server.store.rates import Rate, Rates, portioned


async def taken(rates, rate, who, times):
    """How many of so many requests were let in."""
    refused = 0
    for _ in range(times):
        try:
            await rates.take(rate, who)
        except TooCostly:
            refused += 1
    return times - refused


async def test_two_workers_let_in_no_more_than_one(database):
    rate = Rate("test", per_second=0.001, burst=7)
    both = await asyncio.gather(*(taken(Rates(database), rate, "a", 7) for _ in range(2)))
    assert sum(both) == 7
    assert await taken(Rates(database), rate, "b", 1) == 1


async def test_a_portion_costs_one_statement(database, database_url):
    rate, rates = Rate("test", per_second=0.001, burst=25, portion=10), Rates(database)
    await rates.take(rate, "a")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM rate_bucket")
        assert await taken(rates, rate, "a", 9) == 9
        assert connection.execute("SELECT count(*) FROM rate_bucket").fetchone() == (0,)


async def test_the_last_portion_is_what_is_left(database):
    rate = Rate("test", per_second=0.001, burst=25, portion=10)
    assert await taken(Rates(database), rate, "a", 30) == 25


async def test_a_bucket_fills_with_time_and_never_beyond_its_burst(database, database_url):
    rate = Rate("test", per_second=1, burst=5)
    assert await taken(Rates(database), rate, "a", 6) == 5
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE rate_bucket SET full_at = full_at - interval '2 seconds'")
        assert await taken(Rates(database), rate, "a", 5) == 2
        connection.execute("UPDATE rate_bucket SET full_at = full_at - interval '1 hour'")
        assert await taken(Rates(database), rate, "a", 9) == 5


async def test_who_was_refused_is_refused_again_without_a_question_to_the_database(database, database_url):
    rate, rates = Rate("test", per_second=0.1, burst=1), Rates(database)
    await rates.take(rate, "a")
    with pytest.raises(TooCostly) as refused:
        await rates.take(rate, "a")
    assert refused.value.retry_after == 10
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM rate_bucket")
    assert await taken(rates, rate, "a", 3) == 0


async def test_those_who_ask_at_once_share_portions(database):
    assert portioned("test", 100, 200) == Rate("test", 100, 200, portion=25)
    rate, rates = Rate("test", per_second=0.001, burst=100, portion=25), Rates(database)
    assert await asyncio.gather(*(taken(rates, rate, "a", 12) for _ in range(8))) == [12] * 8
    assert await taken(rates, rate, "a", 9) == 4


async def test_buckets_that_are_full_again_are_forgotten(database, database_url):
    rate, rates = Rate("test", per_second=1, burst=5), Rates(database, prune_seconds=0)
    await rates.take(rate, "a")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE rate_bucket SET full_at = full_at - interval '1 hour'")
        await rates.take(rate, "b")
        assert connection.execute("SELECT count(*) FROM rate_bucket").fetchone() == (1,)
