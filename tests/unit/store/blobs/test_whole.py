"""Binaries made whole, a part at a time."""

import asyncio
import base64
import json

import pytest

from fhir_server.json import dumps
from fhir_server.store.blobs.pointer import pointing
from fhir_server.store.blobs.port import BlobMissing, Digest
from fhir_server.store.blobs.whole import filled, opened

CONTENT = bytes(range(256)) * 40


class InParts:
    """A blob store that gives a content in parts of these lengths."""

    def __init__(self, *lengths):
        self.lengths = lengths

    async def read(self, sha256, start, stop):
        return self._parts(CONTENT[start:stop])

    async def _parts(self, content):
        at = 0
        while at < len(content):
            for length in self.lengths:
                yield content[at : at + length]
                at += length


def parts(blobs, size=10_240):
    tree = pointing(
        {"resourceType": "Binary", "contentType": "a/b", "language": "de"}, Digest(bytes(32), size)
    )
    text, hole = opened(dumps(tree))

    async def read():
        return [part async for part in await filled(blobs, text, hole)]

    return asyncio.run(read())


@pytest.mark.parametrize("lengths", [(1,), (2, 5), (3,), (1000, 1)])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, len(CONTENT)])
def test_the_content_stands_in_data_however_the_store_gives_it(lengths, size):
    found = json.loads(b"".join(parts(InParts(*lengths), size)))

    assert base64.b64decode(found.pop("data"), validate=True) == CONTENT[:size]
    assert found == {"resourceType": "Binary", "contentType": "a/b", "language": "de"}


def test_no_more_of_it_is_held_than_a_part():
    assert max(map(len, parts(InParts(999)))) <= 999 * 4 // 3 + 4


def test_a_content_that_nothing_can_be_read_from_is_told_before_the_first_part():
    with pytest.raises(BlobMissing):
        parts(None)
