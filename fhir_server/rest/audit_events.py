"""The audit as AuditEvents, for auditors: read and searched, and made by the server alone.

https://hl7.org/fhir/R4/auditevent.html; docs/adr/0019-audit.md
"""

from typing import Final
from uuid import UUID

from fhir_server.audit.event import audit_event
from fhir_server.clock import now
from fhir_server.errors import Forbidden, NotFound
from fhir_server.json import JsonObject, JsonValue
from fhir_server.rest.answer import About, Answer, text
from fhir_server.rest.call import Call
from fhir_server.rest.request import Pairs, pairs
from fhir_server.search.audit_query import AuditQuery, audit_query
from fhir_server.search.bundle import url
from fhir_server.store.audit import finding
from fhir_server.store.audit.rows import Kept

TYPE: Final = "AuditEvent"


async def read(call: Call) -> Answer:
    """200 with the AuditEvent of a record; raises NotFound when there is none of that id."""
    _demand_auditor(call)
    id = call.target.id
    kept = None
    if _is_uuid(id):
        async with call.house.database.connection() as connection:
            kept = await finding.read(connection, UUID(id))
    if kept is None:
        raise NotFound(f"{TYPE}/{id} does not exist here. Search for it, or check the id.")
    return Answer(200, text(_event(kept)), ((b"etag", b'W/"1"'),), about=About(TYPE, id))


async def search(call: Call) -> Answer:
    """The AuditEvents that match the address, newest first."""
    return await _searchset(call, call.request.pairs)


async def search_by_form(call: Call) -> Answer:
    """The AuditEvents that match the form, and the address where that has parameters too."""
    return await _searchset(call, call.request.pairs + pairs(call.body.strip()))


async def _searchset(call: Call, asked: Pairs) -> Answer:
    _demand_auditor(call)
    settings = call.house.settings
    query = audit_query(asked, call.request.base, now(), settings.default_count, settings.max_count)
    async with call.house.database.connection() as connection:
        found = await finding.find(
            connection,
            query.conditions,
            most=query.count + 1,
            after=query.after,
            newest_first=query.newest_first,
        )
    return Answer(200, text(_bundle(call, asked, query, found)))


def _bundle(call: Call, asked: Pairs, query: AuditQuery, found: list[Kept]) -> JsonObject:
    page = found[: query.count]
    own = [pair for pair in asked if pair[0] != "_cursor"]
    links: list[JsonValue] = [{"relation": "self", "url": url(call.request.base, TYPE, own)}]
    if len(found) > len(page):
        following = url(call.request.base, TYPE, [*own, ("_cursor", page[-1].id)])
        links.append({"relation": "next", "url": following})
    entries: list[JsonValue] = [
        {
            "fullUrl": f"{call.request.base}/{TYPE}/{one.id}",
            "resource": _event(one),
            "search": {"mode": "match"},
        }
        for one in page
    ]
    tree: JsonObject = {"resourceType": "Bundle", "type": "searchset", "link": links}
    return tree | ({"entry": entries} if entries else {})


def _event(kept: Kept) -> JsonObject:
    return audit_event(kept.id, kept.at, kept.record)


def _demand_auditor(call: Call) -> None:
    if not call.principal.auditor:
        raise Forbidden("Only auditors may read the audit. Ask one of them.")


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
