"""Word of what was committed: it comes to whoever waits, in this process and in others."""

import asyncio
from dataclasses import replace

from fhir_server.search.index import index
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.subscriptions.apart import Apart
from tests.integration.store.test_changes import draft


async def test_a_commit_wakes_those_who_wait_in_another_process_and_in_this_one(database, database_url):
    other = Database(database_url, size=2)
    await other.open()
    listening = asyncio.create_task(other.wakes.run())
    try:
        with other.wakes.waiting("change") as there, database.wakes.waiting("change") as here:
            await there.wait(10)  # it listens now
            await database.create_all([draft("a")])
            await asyncio.wait_for(asyncio.gather(here.wait(60), there.wait(60)), 10)
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await other.close()


async def test_word_that_came_before_one_waits_is_not_missed(database):
    with database.wakes.waiting("event") as wake:
        database.wakes.numbered()
        await asyncio.wait_for(wake.wait(60), 10)


async def test_many_commits_are_told_in_few_notifications(database):
    async with database.connection() as connection:
        await connection.execute("LISTEN fhir_change")
        for _ in range(50):
            database.wakes.changed()
        told = [one async for one in connection.notifies(timeout=0.5)]
    assert len(told) == 1


async def test_a_listener_whose_connection_was_cut_listens_again(database, database_url):
    listening = asyncio.create_task(database.wakes.run())
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fhir-server listener' AND datname = current_database()"
    try:
        with database.wakes.waiting("change") as wake:
            await wake.wait(10)
            async with database.connection() as connection:
                await connection.execute(cut)
                await asyncio.wait_for(wake.wait(60), 10)
                await connection.execute("NOTIFY fhir_change, 'another process'")
                await asyncio.wait_for(wake.wait(60), 10)
    finally:
        listening.cancel()
        await asyncio.wait([listening])


async def test_a_transaction_that_wrote_nothing_wakes_nobody(database):
    with database.wakes.waiting("change") as wake:
        async with database.transaction() as work:
            await work.lock("Patient", "nobody")
        assert not wake.woken
        await database.create_all(
            [Draft("Patient", "a", {"resourceType": "Patient"}, index("Patient", {}), "PUT")]
        )
        assert wake.woken


async def test_a_subscription_wakes_whoever_knows_of_none_and_whoever_greets_and_nothing_else_does(database):
    asked = Apart({}, "requested", None, {})
    with database.wakes.waiting("subscription") as leader, database.wakes.waiting("event") as delivery:
        async with database.transaction() as work:
            await work.create_all([draft("a")])
        assert (leader.woken, delivery.woken) == (False, False)
        async with database.transaction() as work:
            await work.create_all([replace(draft("s"), apart=asked)])
        assert (leader.woken, delivery.woken) == (True, True)
