"""Histories over HTTP: their windows, their Bundle and its links.

https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from fhir_server.clock import instant, now
from fhir_server.errors import InvalidRequest
from fhir_server.interactions import history
from fhir_server.interactions.history import Page
from fhir_server.interactions.versions_shown import Sight
from fhir_server.json import dumps
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.rest.etags import etag
from fhir_server.rest.history_window import BEFORE, cursor, once, window
from fhir_server.rest.request import Request
from fhir_server.search.access import caller
from fhir_server.search.seal import Seal
from fhir_server.store.history import Entry

_STATUS: Final[Mapping[str, str]] = {"POST": "201", "PUT": "200", "PATCH": "200", "DELETE": "204"}
_KEPT: Final = ("_since", "_at", "_count", "_format", "_pretty")


async def instance_history(call: Call) -> Answer:
    """The versions of one resource."""
    target, database = call.target, call.house.database
    asked, count = window(call.request, _seal(call)), _count(call)
    page = await history.instance(database, target.type, target.id, _sight(call), asked, count)
    return _answer(call, page, count)


async def type_history(call: Call) -> Answer:
    """The versions of all resources of a type."""
    asked, count = window(call.request, _seal(call)), _count(call)
    page = await history.everything(call.house.database, call.target.type, _sight(call), asked, count)
    return _answer(call, page, count)


async def system_history(call: Call) -> Answer:
    """The versions of all resources."""
    asked, count = window(call.request, _seal(call)), _count(call)
    page = await history.everything(call.house.database, None, _sight(call), asked, count)
    return _answer(call, page, count)


def _sight(call: Call) -> Sight:
    return Sight(call.access, call.request.base)


def _seal(call: Call) -> Seal:
    place = "/".join(call.request.segments)
    return Seal(call.house.cursor_key, caller(call.principal), place)


def _answer(call: Call, page: Page, count: int) -> Answer:
    base = call.request.base
    here = "/".join((base, *call.request.segments))
    links = [_link("self", here, _kept(call.request, count, BEFORE))]
    if page.next is not None and page.next.before is not None:
        links.append(
            _link(
                "next", here, [*_kept(call.request, count), (BEFORE, cursor(page.next.before, _seal(call)))]
            )
        )
    head = dumps({"resourceType": "Bundle", "type": "history", "timestamp": instant(now()), "link": links})
    if not page.entries:
        return Answer(200, head)
    entries = b",".join(_entry(base, entry) for entry in page.entries)
    return Answer(200, head[:-1] + b',"entry":[' + entries + b"]}")


def _entry(base: str, entry: Entry) -> bytes:
    version = entry.version
    url = version.type if version.method == "POST" else f"{version.type}/{version.id}"
    tail = dumps(
        {
            "request": {"method": version.method, "url": url},
            "response": {
                "status": "201" if entry.created else _STATUS[version.method],
                "etag": etag(version.version).decode(),
                "lastModified": instant(version.last_updated),
            },
        }
    )
    head = b'{"fullUrl":' + dumps(f"{base}/{version.type}/{version.id}")
    resource = b"" if version.body is None else b',"resource":' + version.body
    return head + resource + b"," + tail[1:]


def _link(relation: str, here: str, parameters: list[tuple[str, str]]) -> dict[str, object]:
    query = urlencode(parameters, safe=":")
    return {"relation": relation, "url": f"{here}?{query}" if query else here}


def _kept(request: Request, count: int, *more: str) -> list[tuple[str, str]]:
    kept = [(name, value) for name, value in request.pairs if name in _KEPT or name in more]
    return [(name, str(count) if name == "_count" else value) for name, value in kept]


def _count(call: Call) -> int:
    text = once(call.request, "_count")
    settings = call.house.settings
    if text is None:
        return settings.default_count
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest(f"_count is {text[:40]!r}. Send a whole number.", "_count")
    return min(int(text), settings.max_count)
