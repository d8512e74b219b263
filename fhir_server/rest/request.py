"""An HTTP request to `/fhir`, taken apart.

https://hl7.org/fhir/R4/http.html#general
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, unquote

from fhir_server.errors import InvalidRequest, UriTooLong
from fhir_server.rest.asgi import Scope

Pairs: TypeAlias = tuple[tuple[str, str], ...]

PREFIX: Final = "/fhir"
MAX_TARGET: Final = 16_384
MAX_PAIRS: Final = 500

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HOST = re.compile(r"[A-Za-z0-9._~-]{1,255}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Request:
    """The request line and headers; the body is read later, once it is known to be wanted.

    `segments` is the path below `/fhir`; `base` the address of `/fhir` as the client sees it, without a final slash.
    """

    method: str
    segments: tuple[str, ...]
    pairs: Pairs
    headers: Mapping[bytes, bytes]
    base: str

    def header(self, name: bytes) -> str | None:
        """The value of header `name` (lower case); lines of the same name are joined by a comma."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def value(self, name: str) -> str | None:
        """The value of the last query parameter `name`, or None."""
        return next((value for key, value in reversed(self.pairs) if key == name), None)


def request(scope: Scope, base_url: str | None) -> Request:
    """The request in `scope`. Raises InvalidRequest or UriTooLong for an address that cannot be read."""
    query: bytes = scope["query_string"]
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    if len(path) + len(query) > MAX_TARGET:
        raise UriTooLong(f"The address is longer than {MAX_TARGET} bytes. Use POST [type]/_search.")
    headers = _headers(scope["headers"])
    return Request(
        method=scope["method"],
        segments=_segments(path, scope.get("root_path", "")),
        pairs=pairs(query) if query else (),
        headers=headers,
        base=base_url or _base(scope, headers),
    )


def part(method: str, url: str, headers: Mapping[bytes, bytes], base: str) -> Request:
    """The request that an entry of a Bundle stands for, its `url` relative to `base` or below it.

    Raises InvalidRequest for a URL elsewhere or one that cannot be read.
    """
    below = url.removeprefix(f"{base}/") if url != base else ""
    if ":" in below.partition("?")[0]:
        raise InvalidRequest(
            f"{url[:100]} is not below {base}. Send a URL relative to it, as in `Patient/1`."
        )
    path, _, query = below.partition("?")
    return Request(
        method=method,
        segments=tuple(_unquoted(segment) for segment in _split(path.encode())),
        pairs=pairs(query.encode()) if query else (),
        headers=headers,
        base=base,
    )


def pairs(query: bytes) -> Pairs:
    """The decoded parameters of a query string or form, in order; raises InvalidRequest for bad escapes or UTF-8."""
    if _BAD_ESCAPE.search(query):
        raise InvalidRequest(
            "The query has a % that is not followed by two hex digits. Write %25 for a percent sign."
        )
    try:
        decoded = parse_qsl(
            query.decode("ascii" if query.isascii() else "utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PAIRS,
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest("The query is not UTF-8. Encode its characters as UTF-8.") from error
    except ValueError as error:
        raise InvalidRequest(f"The query has more than {MAX_PAIRS} parameters. Send fewer.") from error
    for name, value in decoded:
        if _CONTROL.search(value) or _CONTROL.search(name):
            raise InvalidRequest("A query parameter has a control character. Remove it.")
    return tuple(decoded)


def _headers(lines: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in lines:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _segments(path: bytes, root_path: str) -> tuple[str, ...]:
    below = path[len(root_path) + len(PREFIX) :] if root_path else path[len(PREFIX) :]
    if b"%" in below or not below.isascii():
        return tuple(_unquoted(segment) for segment in _split(below))
    return tuple(segment.decode() for segment in _split(below))


def _split(below: bytes) -> list[bytes]:
    trimmed = below.removeprefix(b"/").removesuffix(b"/")
    return trimmed.split(b"/") if trimmed else []


def _unquoted(segment: bytes) -> str:
    if _BAD_ESCAPE.search(segment):
        raise InvalidRequest(
            "The path has a % that is not followed by two hex digits. Write %25 for a percent sign."
        )
    try:
        return unquote(segment.decode(), errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidRequest("The path is not UTF-8. Encode its characters as UTF-8.") from error


def _base(scope: Scope, headers: Mapping[bytes, bytes]) -> str:
    host = headers.get(b"host", b"localhost").decode("latin-1")
    if not _HOST.fullmatch(host):
        raise InvalidRequest("The Host header is not a host name with an optional port. Correct it.")
    return f"{scope.get('scheme', 'http')}://{host}{scope.get('root_path', '')}{PREFIX}"
