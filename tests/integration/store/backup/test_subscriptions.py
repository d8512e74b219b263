"""A restored server tells of what it had not told of yet, once, and those alone who had asked by then."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fhir_server.store.backup import backup, restore
from fhir_server.store.database import Database
from fhir_server.store.subscriptions import pausing
from tests.integration.store.backup.conftest import NewDatabase
from tests.integration.subscriptions import subscriber
from tests.integration.subscriptions.leading import events, leading, put, subscribe, watching


def patient(id: str) -> dict:
    return {"resourceType": "Patient", "id": id}


@pytest.mark.item("sub-G1")
async def test_numbering_goes_on_after_a_restore_where_it_was(
    database: Database, database_url: str, new_database: NewDatabase, folder: Path
):
    await subscribe(database, "early", watching("Patient"))
    await put(database, patient("told"))
    leader = await leading(database)
    await leader.step()
    await put(database, patient("behind"))
    await subscribe(database, "late", watching("Patient"))
    await put(database, patient("behind-too"))
    target = new_database()
    backup(database_url, folder / "backup")
    restore(target, folder / "backup")

    restored = Database(target)
    await restored.open()
    await put(restored, patient("new"))
    await subscribe(restored, "new", watching("Patient"))
    leader = await leading(restored)
    for _ in range(2):
        await leader.step()
    told = {
        id: [(number, of) for number, _, of, _ in await events(restored, id)]
        for id in ("early", "late", "new")
    }
    await restored.close()
    assert told == {
        "early": [(1, "told"), (2, "behind"), (3, "behind-too"), (4, "new")],
        "late": [(1, "behind-too"), (2, "new")],
        "new": [],
    }


@pytest.fixture
async def copied(
    database: Database, database_url: str, on_embedded: NewDatabase, folder: Path
) -> AsyncIterator[tuple[Database, subscriber.Subscriber]]:
    """A restored database, to whose Subscription something is due, and the endpoint of it."""
    async with subscriber.listening() as hook:
        await subscriber.subscribe(database, "s", hook.url)
        await subscriber.happened(database, "s", patient("before"))
        backup(database_url, folder / "backup")
        target = on_embedded()
        restore(target, folder / "backup")
        restored = Database(target)
        await restored.open()
        yield restored, hook
        await restored.close()


async def test_a_restored_server_numbers_and_sends_nothing_until_the_operator_says_so(copied):
    restored, hook = copied
    async with subscriber.delivering(restored):
        await subscriber.happened(restored, "s", patient("after"))
        await asyncio.sleep(1.1)  # it has looked at what is due twice
        assert hook.asked == []
        async with restored.connection() as connection:
            await pausing.resume(connection)
        await subscriber.until(restored, "s", delivered=2)
    assert [request.numbers for request in hook.asked] == [[1, 2]]


async def test_a_copy_by_other_means_in_another_cluster_sends_nothing(database):
    async with database.connection() as connection:
        assert not await pausing.is_paused(connection)
        await connection.execute(
            "UPDATE subscription_cursor SET sends_from = '1'"
        )  # as another tool leaves it
        assert await pausing.is_paused(connection)


async def test_a_pause_is_no_time_in_which_an_endpoint_took_nothing(database):
    async with subscriber.listening(lambda _: subscriber.BAD) as hook:
        await subscriber.subscribe(database, "s", hook.url)
        await subscriber.happened(database, "s", patient("p"))
        async with database.connection() as connection:
            await pausing.pause(connection)
            await connection.execute(
                "UPDATE subscription_progress SET attempts = 1, failing_since = now() - interval '2 days'"
            )
            await pausing.resume(connection)
        async with subscriber.delivering(database):
            found = await subscriber.until(database, "s", attempts=2)
    assert found["state"] == "active"
