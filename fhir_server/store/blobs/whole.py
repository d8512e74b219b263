"""A stored Binary made whole again, its content in `data`, a part at a time.

https://hl7.org/fhir/R4/binary.html#rest
"""

import base64
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fhir_server.json import dumps, stored
from fhir_server.store.blobs.pointer import URL, pointer, without
from fhir_server.store.blobs.port import Blobs, Digest, missing

_MARK = URL.encode()


@dataclass(frozen=True, slots=True)
class Hole:
    """The place in a text where a content belongs, marked by what nobody can have written there before."""

    mark: bytes
    digest: Digest


def opened(body: bytes) -> tuple[bytes, Hole | None]:
    """The text of a stored Binary, with a hole as its `data` where it points to its content."""
    if _MARK not in body:
        return body, None
    tree = stored(body)
    found = pointer(tree)
    if found is None:
        return body, None
    mark = secrets.token_hex(16)
    return dumps({**without(tree), "data": mark}), Hole(mark.encode(), found)


async def filled(blobs: Blobs | None, text: bytes, hole: Hole | None) -> AsyncIterator[bytes]:
    """The parts of `text`, the content in the place of its hole if it has one left.

    Raises BlobMissing, before the first part, when what it points to is not there.
    """
    if hole is None or hole.mark not in text:
        return _one(text)
    if blobs is None:
        raise missing(hole.digest.sha256)
    before, _, after = text.partition(hole.mark)
    return _around(before, await blobs.read(hole.digest.sha256, 0, hole.digest.size), after)


async def _one(text: bytes) -> AsyncIterator[bytes]:
    yield text


async def _around(before: bytes, content: AsyncIterator[bytes], after: bytes) -> AsyncIterator[bytes]:
    yield before
    left = b""
    async for part in content:
        known = left + part
        end = len(known) - len(known) % 3  # so many bytes are letters without an end
        left = known[end:]
        yield base64.b64encode(known[:end])
    yield base64.b64encode(left) + after
