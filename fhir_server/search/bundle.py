"""A page as a searchset Bundle, put together from the resources' stored text.

https://hl7.org/fhir/R4/bundle.html#searchset
"""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import orjson

from fhir_server.json import dumps, stored
from fhir_server.search.execute import Match, Page
from fhir_server.search.plan import Plan
from fhir_server.search.summary import shaped

_MATCH = b',"search":{"mode":"match"}}'


def bundle(plan: Plan, page: Page, *, self_url: str, next_url: str | None) -> bytes:
    """The Bundle's JSON; without `total` when it was not counted, without `entry` when there is none."""
    links = [{"relation": "self", "url": self_url}]
    if next_url:
        links.append({"relation": "next", "url": next_url})
    head = b'{"resourceType":"Bundle","type":"searchset"'
    if page.total is not None:
        head += b',"total":%d' % page.total
    start = b'{"fullUrl":' + orjson.dumps(f"{plan.base_url}/{plan.resource_type}/")[:-1]
    entries = [_entry(plan, start, match) for match in page.matches]
    if plan.ignored:
        entries.append(_outcome(plan.ignored))
    tail = b',"entry":[' + b",".join(entries) + b"]}" if entries else b"}"
    return head + b',"link":' + orjson.dumps(links) + tail


def url(base_url: str, resource_type: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The address of a search with those parameters."""
    query = urlencode(pairs, quote_via=quote, safe=":/,.-~")
    return f"{base_url}/{resource_type}?{query}" if query else f"{base_url}/{resource_type}"


def _entry(plan: Plan, start: bytes, match: Match) -> bytes:
    """The entry of `match`, whose id needs no escaping; `start` is what stands before the id."""
    body = match.body.encode()
    if not plan.shape.whole:
        body = dumps(shaped(stored(body), plan.shape))
    return b'%b%b","resource":%b%b' % (start, match.id.encode(), body, _MATCH)


def _outcome(ignored: Sequence[str]) -> bytes:
    """Tells of what was passed over, since the client asked for leniency."""
    issues = [{"severity": "warning", "code": "not-supported", "diagnostics": text} for text in ignored]
    resource = {"resourceType": "OperationOutcome", "issue": issues}
    return orjson.dumps({"resource": resource, "search": {"mode": "outcome"}})
