"""What the port promises, of a folder and of a real S3-compatible server alike."""

import asyncio
import os

import pytest

from fhir_server.errors import Unavailable
from fhir_server.store.blobs.folder import FolderBlobs
from fhir_server.store.blobs.port import BlobMissing, digest
from fhir_server.store.blobs.s3 import S3Blobs, s3_store

pytestmark = pytest.mark.xdist_group("s3")

SIZES = [0, 1, 300_000, 9_000_000]  # the last goes to S3 in parts


@pytest.fixture(params=["folder", "s3"])
def blobs(request, tmp_path):
    if request.param == "folder":
        return FolderBlobs(tmp_path / "not" / "yet" / "there")
    bucket = request.getfixturevalue("s3")("contents")
    return bucket.blobs(prefix=f"of/{tmp_path.name}")


async def read(blobs, known, start=0, stop=None):
    parts = await blobs.read(known.sha256, start, known.size if stop is None else stop)
    return b"".join([part async for part in parts])


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_put_is_read(blobs, size):
    content = os.urandom(size)
    known = await digest(content)
    assert not await blobs.exists(known.sha256)
    await blobs.put(known, content)
    assert await blobs.exists(known.sha256)
    assert await read(blobs, known) == content


async def test_a_file_is_put_as_its_bytes(blobs, tmp_path):
    path = tmp_path / "recording.dat"
    path.write_bytes(os.urandom(9_000_000))
    known = await digest(path)
    await blobs.put(known, path)
    assert await read(blobs, known) == path.read_bytes()


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (7, 300), (299_999, 300_000), (5, 5)])
async def test_a_range_is_read_alone(blobs, start, stop):
    content = os.urandom(300_000)
    known = await digest(content)
    await blobs.put(known, content)
    assert await read(blobs, known, start, stop) == content[start:stop]


async def test_the_same_content_is_put_again_and_by_many_at_once(blobs):
    content = os.urandom(300_000)
    known = await digest(content)
    await asyncio.gather(*(blobs.put(known, content) for _ in range(5)))
    await blobs.put(known, content)
    assert await read(blobs, known) == content


async def test_what_is_not_there_is_told_before_the_first_byte(blobs):
    known = await digest(b"never put")
    with pytest.raises(BlobMissing, match=known.sha256.hex()):
        await blobs.read(known.sha256, 0, 3)


async def test_what_is_deleted_is_gone_and_may_be_deleted_again_and_come_back(blobs):
    known = await digest(b"short-lived")
    await blobs.put(known, b"short-lived")
    for _ in range(2):
        await blobs.delete(known.sha256)
        assert not await blobs.exists(known.sha256)
    await blobs.put(known, b"short-lived")
    assert await read(blobs, known) == b"short-lived"


async def test_s3_has_one_object_for_a_content_under_its_prefix(s3, tmp_path):
    bucket, known = s3("single"), await digest(b"x" * 100)
    await bucket.blobs("a/prefix").put(known, b"x" * 100)
    name = known.sha256.hex()
    files = [path for path in bucket.folder.rglob("*") if path.is_file()]
    assert [str(path.relative_to(bucket.folder)) for path in files] == [f"a/prefix/{name[:2]}/{name[2:]}"]


async def test_a_wrong_secret_is_told_as_the_store_being_away(s3):
    blobs, known = s3("secrets").blobs(credentials=("test-key", "wrong")), await digest(b"x")
    with pytest.raises(Unavailable, match="blob store") as told:
        await blobs.put(known, b"x")
    assert "wrong" not in str(told.value)


async def test_a_store_that_is_away_is_told_as_such():
    store = s3_store("b", "", endpoint="http://127.0.0.1:1", region="us-east-1", credentials=("k", "s"))
    blobs, known = S3Blobs(store), await digest(b"x")
    for asked in (blobs.put(known, b"x"), blobs.read(known.sha256, 0, 1), blobs.exists(known.sha256)):
        with pytest.raises(Unavailable, match="blob store"):
            await asked
