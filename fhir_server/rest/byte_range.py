"""Which bytes of a content a request asks for.

https://www.rfc-editor.org/rfc/rfc9110#section-14
"""

import re
from typing import Final, NamedTuple

from fhir_server.errors import RangeNotSatisfiable
from fhir_server.rest.request import Request

_ONE: Final = re.compile(r"bytes\s*=\s*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))\s*", re.IGNORECASE)


class Bytes(NamedTuple):
    """The bytes `[start, stop)`."""

    start: int
    stop: int


def byte_range(request: Request, size: int, etag: bytes) -> Bytes | None:
    """The bytes asked for; None for all: with several ranges, another unit, or an If-Range that is not this content's ETag.

    Raises RangeNotSatisfiable for a range behind the end. A date in If-Range never holds: a second may see two versions.
    """
    header = request.header(b"range")
    found = _ONE.fullmatch(header) if header is not None and request.method == "GET" else None
    if found is None or request.headers.get(b"if-range", etag) != etag:
        return None
    first, last, tail = found.groups()
    if tail is not None:
        start, stop = max(0, size - int(tail)), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= stop:
        raise RangeNotSatisfiable(
            f"The content is {size} bytes long. Ask for a range that begins before its end.", size=size
        )
    return Bytes(start, stop)
