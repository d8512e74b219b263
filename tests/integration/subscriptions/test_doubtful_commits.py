"""A leader that does not hear whether its numbers were committed gives none of them again.

docs/adr/0023-change-log.md, "Lease and epoch"
"""

from contextlib import asynccontextmanager

import psycopg
import pytest

from fhir_server.store.subscriptions import cursor
from fhir_server.store.subscriptions.cursor import LeaseLost
from tests.integration.subscriptions.leading import events, leading, put, subscribe, watching


class Unheard:
    """A database that commits, and is lost before it can say so, at the `fatal`th connection."""

    def __init__(self, database, fatal):
        self._database = database
        self._left = fatal
        self.wakes = database.wakes

    @asynccontextmanager
    async def connection(self):
        async with self._database.connection() as connection:
            yield connection
        self._left -= 1
        if self._left == 0:
            raise psycopg.OperationalError("the connection is lost")


@pytest.mark.item("sub-G4")
async def test_what_was_numbered_is_not_numbered_again_when_the_word_of_its_commit_was_lost(database):
    await subscribe(database, "s", watching("Patient"))
    leader = await leading(database)
    leader._database = Unheard(database, fatal=2)
    await put(database, {"resourceType": "Patient", "id": "a"})
    with pytest.raises(psycopg.OperationalError):
        await leader.step()
    with pytest.raises(LeaseLost):
        await leader.step()
    assert await events(database, "s") == [(1, "create", "a", 1)]


async def test_who_lost_track_of_their_own_lease_takes_it_anew(database):
    async with database.connection() as connection:
        first = await cursor.take(connection, "one", 60)
        again = await cursor.take(connection, "one", 60)
        assert again.epoch == first.epoch + 1
        assert await cursor.take(connection, "two", 60) is None
