"""A page as a searchset Bundle, put together from the resources' stored text.

https://hl7.org/fhir/R4/bundle.html#searchset
"""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import orjson

from fhir_server.json import dumps, stored
from fhir_server.search.execute import Page
from fhir_server.search.plan import Plan
from fhir_server.search.summary import Shape, shaped

_MATCH = b',"search":{"mode":"match"}}'
_INCLUDE = b',"search":{"mode":"include"}}'


def bundle(
    plan: Plan, page: Page, *, self_url: str, next_url: str | None, notices: Sequence[str] = ()
) -> bytes:
    """The Bundle's JSON; without `total` when it was not counted, without `entry` when there is none.

    `notices` are told beside what was passed over.
    """
    links = [{"relation": "self", "url": self_url}]
    if next_url:
        links.append({"relation": "next", "url": next_url})
    head = b'{"resourceType":"Bundle","type":"searchset"'
    if page.total is not None:
        head += b',"total":%d' % page.total
    types = {one.type for one in page.matches} | {one.type for one in page.included}
    starts = {type: b'{"fullUrl":' + orjson.dumps(f"{plan.base_url}/{type}/")[:-1] for type in types}
    entries = [_entry(starts[one.type], one.id, one.body, plan.shape, _MATCH) for one in page.matches]
    beside = plan.shape.beside
    entries += [_entry(starts[one.type], one.id, one.body, beside, _INCLUDE) for one in page.included]
    if plan.ignored or notices:
        entries.append(_outcome(plan.ignored, notices))
    tail = b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}"
    return head + b',"link":' + orjson.dumps(links) + tail


def url(base_url: str, place: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The address of a search with those parameters, at a path below the server's."""
    query = urlencode(pairs, quote_via=quote, safe=":/,.-~*")
    address = f"{base_url}/{place}" if place else base_url
    return f"{address}?{query}" if query else address


def _entry(start: bytes, id: str, text: str, shape: Shape, mode: bytes) -> bytes:
    """The entry of a resource, whose id needs no escaping; `start` is what stands before the id."""
    body = text.encode()
    if not shape.whole:
        body = dumps(shaped(stored(body), shape))
    return b'%b%b","resource":%b%b' % (start, id.encode(), body, mode)


def _outcome(ignored: Sequence[str], notices: Sequence[str]) -> bytes:
    """Tells of what was passed over, since the client asked for leniency, and of what may be missing."""
    told = [*(("not-supported", text) for text in ignored), *(("incomplete", text) for text in notices)]
    issues = [{"severity": "warning", "code": code, "diagnostics": text} for code, text in told]
    resource = {"resourceType": "OperationOutcome", "issue": issues}
    return orjson.dumps({"resource": resource, "search": {"mode": "outcome"}})
