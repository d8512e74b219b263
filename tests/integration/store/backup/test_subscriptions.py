"""A restored server tells of what it had not told of yet, once, and those alone who had asked by then."""

from pathlib import Path

import pytest

from fhir_server.store.backup import backup, restore
from fhir_server.store.database import Database
from tests.integration.store.backup.conftest import NewDatabase
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
