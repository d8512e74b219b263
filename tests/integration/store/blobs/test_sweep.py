import asyncio
import base64
import hashlib
import os
import time
from datetime import timedelta

import pytest

from fhir_server.interactions.condition import UNCONDITIONAL
from fhir_server.interactions.create import create_alone
from fhir_server.interactions.delete import delete
from fhir_server.interactions.write import prepare_tree
from fhir_server.store.blobs.folder import FolderBlobs
from fhir_server.store.blobs.sweep import Swept, sweep
from fhir_server.store.database import Database
from fhir_server.store.predicate import EVERYTHING

CONTENT = bytes(100_000)
OTHER = bytes(100_001)
SOON = timedelta(0)


@pytest.fixture
async def database(database_url, tmp_path):
    opened = Database(database_url, size=4, blobs=FolderBlobs(tmp_path))
    await opened.open()
    yield opened
    await opened.close()


async def created(database, content):
    tree = {
        "resourceType": "Binary",
        "contentType": "image/png",
        "data": base64.b64encode(content).decode(),
    }
    (draft,) = await database.set_aside([prepare_tree("Binary", tree, method="POST")])
    return (await create_alone(database, draft)).version.id


async def there(database, content):
    return await database.blobs.exists(hashlib.sha256(content).digest())


async def test_a_content_that_nothing_names_is_deleted_and_another_is_kept(database):
    await created(database, CONTENT)
    await database.keep(database.blobs, OTHER)
    assert await sweep(database, database.blobs, grace=SOON) == Swept(1, len(OTHER))
    assert await there(database, CONTENT)
    assert not await there(database, OTHER)
    assert await sweep(database, database.blobs, grace=SOON) == Swept(0, 0)


async def test_a_content_that_only_an_earlier_version_names_is_kept(database):
    id = await created(database, CONTENT)
    await delete(database, "Binary", id, EVERYTHING, UNCONDITIONAL)
    assert await sweep(database, database.blobs, grace=SOON) == Swept(0, 0)
    assert await there(database, CONTENT)


async def test_a_content_whose_resource_is_still_to_come_is_kept(database):
    await database.keep(database.blobs, OTHER)
    assert await sweep(database, database.blobs) == Swept(0, 0)
    assert await there(database, OTHER)


async def test_a_pretended_sweep_only_counts(database):
    await database.keep(database.blobs, OTHER)
    assert await sweep(database, database.blobs, grace=SOON, pretend=True) == Swept(1, len(OTHER))
    assert await there(database, OTHER)


async def test_writers_and_sweeps_at_the_same_time_lose_nothing(database):
    """The grace of nothing stands for the worst moment: the content was noted just long enough ago."""

    async def write():
        for _ in range(10):
            kept = await database.keep(database.blobs, CONTENT)
            parts = [part async for part in await database.blobs.read(kept.sha256, 0, kept.size)]
            assert b"".join(parts) == CONTENT

    async def clean():
        for _ in range(10):
            await sweep(database, database.blobs, grace=timedelta(seconds=2))

    await database.keep(database.blobs, CONTENT)
    async with database.connection() as connection:
        await connection.execute("UPDATE blob SET noted_at = noted_at - interval '1 day'")
    await asyncio.gather(write(), clean(), write())
    assert await there(database, CONTENT)


async def test_a_draft_that_a_killed_process_left_is_removed_once_it_is_old(database, tmp_path):
    folder = tmp_path / "ab"
    folder.mkdir()
    old, new = folder / ".draft-old", folder / ".draft-new"
    for draft in (old, new):
        draft.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    await sweep(database, database.blobs, pretend=True)
    assert old.exists()
    await sweep(database, database.blobs)
    assert [*folder.iterdir()] == [new]
