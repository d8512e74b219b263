"""A backup has the contents outside the database that it names, and brings them into whatever blob store there is then."""

import asyncio
import base64
import hashlib
import os

import pytest

from fhir_server.interactions.create import create_alone
from fhir_server.interactions.write import prepare_tree
from fhir_server.store.backup import BackupFailed, RestoreFailed, backup, restore
from fhir_server.store.blobs.folder import FolderBlobs
from fhir_server.store.database import Database

CONTENTS = [os.urandom(100_000), os.urandom(3_000_000)]


def sha256(content):
    return hashlib.sha256(content).digest()


@pytest.fixture
def blobs(folder):
    return FolderBlobs(folder / "blobs")


@pytest.fixture
def filled(database_url, blobs):
    """A database with a Binary of each of CONTENTS, and a content that nothing names."""

    async def fill():
        database = Database(database_url, size=2, blobs=blobs)
        await database.open()
        for content in CONTENTS:
            data = base64.b64encode(content).decode()
            tree = {"resourceType": "Binary", "contentType": "image/png", "data": data}
            (draft,) = await database.set_aside([prepare_tree("Binary", tree, method="POST")])
            await create_alone(database, draft)
        await database.keep(blobs, b"nothing names me")
        await database.close()

    asyncio.run(fill())
    return database_url


def test_a_restore_brings_every_content_that_a_version_names(filled, on_embedded, folder, blobs):
    made = backup(filled, folder / "backup", blobs=blobs)
    assert (made.blobs, made.blob_bytes) == (2, 3_100_000)
    new = FolderBlobs(folder / "new")
    assert restore(on_embedded(), folder / "backup", blobs=new) == made
    assert [new.path(sha256(content)).read_bytes() for content in CONTENTS] == CONTENTS
    assert not new.path(sha256(b"nothing names me")).exists()


def test_a_content_that_is_lost_or_another_leaves_no_backup(filled, folder, blobs):
    path = blobs.path(sha256(CONTENTS[0]))
    for damage in (lambda: path.write_bytes(bytes(100_000)), path.unlink):
        damage()
        with pytest.raises(BackupFailed, match=sha256(CONTENTS[0]).hex()):
            backup(filled, folder / "backup", blobs=blobs)
        assert not (folder / "backup").exists()


def test_a_backup_that_lost_a_content_is_refused_before_anything_is_restored(
    filled, on_embedded, folder, blobs
):
    backup(filled, folder / "backup", blobs=blobs)
    kept = FolderBlobs(folder / "backup" / "blobs").path(sha256(CONTENTS[1]))
    content, target = kept.read_bytes(), on_embedded()
    for damaged in (bytes(len(content)), b"short"):
        kept.write_bytes(damaged)
        with pytest.raises(RestoreFailed):
            restore(target, folder / "backup", blobs=FolderBlobs(folder / "new"))
    kept.write_bytes(content)
    restore(target, folder / "backup", blobs=FolderBlobs(folder / "new"))


def test_a_restore_mends_what_is_damaged_and_passes_over_what_is_no_content(
    filled, on_embedded, folder, blobs
):
    backup(filled, folder / "backup", blobs=blobs)
    damaged = blobs.path(sha256(CONTENTS[0]))
    damaged.write_bytes(bytes(len(CONTENTS[0])))
    copied = FolderBlobs(folder / "backup" / "blobs").path(sha256(CONTENTS[0]))
    (copied.parent / ".DS_Store").write_bytes(b"of a file manager")
    restore(on_embedded(), folder / "backup", blobs=blobs)
    assert damaged.read_bytes() == CONTENTS[0]


def test_without_a_blob_store_contents_are_not_left_behind_in_silence(filled, on_embedded, folder, blobs):
    with pytest.raises(BackupFailed, match="FHIR_BLOBS"):
        backup(filled, folder / "one")
    backup(filled, folder / "two", blobs=blobs)
    with pytest.raises(RestoreFailed, match="FHIR_BLOBS"):
        restore(on_embedded(), folder / "two")
