"""Histories over HTTP: their windows, their Bundle and its links.

https://hl7.org/fhir/R4/http.html#history
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from fhir_server.clock import instant, now
from fhir_server.errors import InvalidRequest
from fhir_server.interactions import history
from fhir_server.interactions.history import Page
from fhir_server.json import dumps
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.rest.etags import etag
from fhir_server.rest.request import Request
from fhir_server.store.history import Window
from fhir_server.store.rows import Version

_STATUS: Final[Mapping[str, str]] = {"POST": "201", "PUT": "200", "PATCH": "200", "DELETE": "204"}
_KEPT: Final = ("_since", "_at", "_count", "_format", "_pretty")


async def instance_history(call: Call) -> Answer:
    """The versions of one resource."""
    target, database = call.target, call.house.database
    window, count = _window(call.request), _count(call)
    return _answer(call, await history.instance(database, target.type, target.id, call.access, window, count))


async def type_history(call: Call) -> Answer:
    """The versions of all resources of a type."""
    window, count = _window(call.request), _count(call)
    return _answer(
        call, await history.everything(call.house.database, call.target.type, call.access, window, count)
    )


async def system_history(call: Call) -> Answer:
    """The versions of all resources."""
    window, count = _window(call.request), _count(call)
    return _answer(call, await history.everything(call.house.database, None, call.access, window, count))


def _answer(call: Call, page: Page) -> Answer:
    base = call.request.base
    here = "/".join((base, *call.request.segments))
    links = [_link("self", here, _kept(call.request, "_before"))]
    if page.next is not None and page.next.before is not None:
        links.append(_link("next", here, [*_kept(call.request), ("_before", _cursor(page.next.before))]))
    head = dumps({"resourceType": "Bundle", "type": "history", "timestamp": instant(now()), "link": links})
    if not page.entries:
        return Answer(200, head)
    entries = b",".join(_entry(base, entry.version) for entry in page.entries)
    return Answer(200, head[:-1] + b',"entry":[' + entries + b"]}")


def _entry(base: str, version: Version) -> bytes:
    url = version.type if version.method == "POST" else f"{version.type}/{version.id}"
    created = version.version == 1 or version.method == "POST"
    tail = dumps(
        {
            "request": {"method": version.method, "url": url},
            "response": {
                "status": "201" if created else _STATUS[version.method],
                "etag": etag(version.version).decode(),
                "lastModified": instant(version.last_updated),
            },
        }
    )
    head = b'{"fullUrl":' + dumps(f"{base}/{version.type}/{version.id}")
    resource = b"" if version.body is None else b',"resource":' + version.body
    return head + resource + b"," + tail[1:]


def _link(relation: str, here: str, parameters: list[tuple[str, str]]) -> dict[str, object]:
    query = urlencode(parameters, safe=":+")
    return {"relation": relation, "url": f"{here}?{query}" if query else here}


def _kept(request: Request, *more: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.pairs if name in _KEPT or name in more]


def _count(call: Call) -> int:
    text = call.request.value("_count")
    settings = call.house.settings
    if text is None:
        return settings.default_count
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest(f"_count is {text[:40]!r}. Send a whole number.", "_count")
    return min(int(text), settings.max_count)


def _window(request: Request) -> Window:
    since, cursor = request.value("_since"), request.value("_before")
    return Window(
        since=None if since is None else _instant(since),
        before=None if cursor is None else _place(cursor),
    )


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise InvalidRequest(
            f"_since is {text[:40]!r}. Send an instant, as in 2026-01-02T03:04:05Z.", "_since"
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _cursor(place: tuple[datetime, int]) -> str:
    text = f"{place[0].isoformat()} {place[1]}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _place(cursor: str) -> tuple[datetime, int]:
    try:
        moment, _, number = (
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        )
        place = datetime.fromisoformat(moment), int(number)
    except (ValueError, binascii.Error) as error:
        raise InvalidRequest(
            "_before is not from a next link of this server. Follow such a link.", "_before"
        ) from error
    if place[0].tzinfo is None or abs(place[1]) >= 2**63:
        raise InvalidRequest("_before is not from a next link of this server. Follow such a link.", "_before")
    return place
