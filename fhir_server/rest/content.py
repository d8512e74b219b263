"""The content of a Binary as an answer, whole or a range of it, never to be shown in the server's name.

https://hl7.org/fhir/R4/binary.html#rest
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from fhir_server.json import JsonObject, stored
from fhir_server.rest.answer import Answer
from fhir_server.rest.asgi import HeaderLines
from fhir_server.rest.byte_range import Bytes, byte_range
from fhir_server.rest.call import Call
from fhir_server.rest.etags import http_date
from fhir_server.store.blobs.pointer import content, pointer
from fhir_server.store.blobs.port import Digest, missing
from fhir_server.store.rows import Version

_UNKNOWN: Final = "application/octet-stream"
_MEDIA_TYPE: Final = re.compile(r"[!-~]+/[!-~]+(?: ?[ -~]*)?")
# a page or picture that was uploaded must not run as one of this server's, whatever type it claims
_INERT: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
)


def headers(version: Version) -> HeaderLines:
    """What is said of a content whether or not it is sent: a strong ETag, since a version's content never changes."""
    return ((b"etag", b'"%d"' % version.version), (b"last-modified", http_date(version.last_updated)))


async def content_answer(call: Call, version: Version) -> Answer:
    """200 with the content of a Binary, or 206 with the range asked for.

    Raises RangeNotSatisfiable, and BlobMissing when what the Binary points to is not there.
    """
    tree = stored(version.body or b"")
    away = pointer(tree)
    here = b"" if away is not None else content(tree)
    size = len(here) if away is None else away.size
    lines = headers(version)
    asked = byte_range(call.request, size, lines[0][1])
    part = asked or Bytes(0, size)
    if asked is not None:
        lines = (*lines, (b"content-range", b"bytes %d-%d/%d" % (part.start, part.stop - 1, size)))
    if call.request.method == "HEAD":
        stream = None
    elif away is None:
        stream = _here(here[part.start : part.stop])
    else:
        stream = await _away(call, away, part)
    return Answer(
        status=200 if asked is None else 206,
        headers=(*lines, *_described(version, tree)),
        stream=stream,
        media_type=_media_type(tree),
        length=part.stop - part.start,
    )


def _described(version: Version, tree: JsonObject) -> HeaderLines:
    name = b'attachment; filename="Binary-%s"' % version.id.encode()
    lines: HeaderLines = ((b"accept-ranges", b"bytes"), (b"content-disposition", name), *_INERT)
    context = tree.get("securityContext")
    reference = context.get("reference") if isinstance(context, dict) else None
    if isinstance(reference, str) and reference.isascii() and reference.isprintable():
        return (*lines, (b"x-security-context", reference.encode()))
    return lines


def _media_type(tree: JsonObject) -> str:
    """The content's own type; one that a header cannot carry is unknown."""
    found = tree.get("contentType")
    return found if isinstance(found, str) and _MEDIA_TYPE.fullmatch(found) else _UNKNOWN


async def _here(part: bytes) -> AsyncIterator[bytes]:
    yield part


async def _away(call: Call, digest: Digest, part: Bytes) -> AsyncIterator[bytes]:
    blobs = call.house.database.blobs
    if blobs is None:
        raise missing(digest.sha256)
    return await blobs.read(digest.sha256, part.start, part.stop)
