"""A stored Binary made whole again, its content in `data`.

https://hl7.org/fhir/R4/binary.html#rest
"""

import asyncio

from fhir_server.json import dumps, stored
from fhir_server.store.blobs.pointer import URL, pointer, with_content, without
from fhir_server.store.blobs.port import Blobs, missing

_MARK = URL.encode()


async def whole(blobs: Blobs | None, body: bytes) -> bytes:
    """The text of a stored Binary with its `data`; as it is when it points to none.

    Raises BlobMissing when what it points to is not there.
    """
    if _MARK not in body:
        return body
    tree = stored(body)
    found = pointer(tree)
    if found is None:
        return body
    if blobs is None:
        raise missing(found.sha256)
    parts = [part async for part in await blobs.read(found.sha256, 0, found.size)]
    return await asyncio.to_thread(lambda: dumps(with_content(without(tree), b"".join(parts))))
