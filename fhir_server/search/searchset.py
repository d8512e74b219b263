"""A search from its parameters to the Bundle: parse, plan, compile, execute, bundle.

https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fhir_server.errors import InvalidSearch
from fhir_server.search.access import Access
from fhir_server.search.bundle import bundle, url
from fhir_server.search.cursor import CURSOR, Cursor
from fhir_server.search.execute import Connection, Page, execute
from fhir_server.search.next_page import next_link, resumed
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import REPRESENTATION, Compartment, parse, place
from fhir_server.search.plan import Handling, Limits, Plan, plan
from fhir_server.search.seal import Seal
from fhir_server.search.terminology import Terminology, answered
from fhir_server.search.units import look_up_units
from terminology.service import TerminologyService

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, when, at which address, and how strictly they want to be read.

    `caller` is what their next link is bound to and `cursor_key` seals it with; `terminology` says what codes mean; `notices` are what every answer tells for now.
    """

    caller: str
    now: datetime
    base_url: str
    handling: Handling
    limits: Limits
    cursor_key: bytes
    terminology: TerminologyService
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Searchset:
    """A Bundle's JSON, how many matches it holds, and how many there are when that was counted.

    `asked` are the parameters that were searched by: those of the first page, whichever it is.
    """

    body: bytes
    count: int
    total: int | None
    asked: Pairs = ()


async def search(
    connection: Connection,
    resource_type: str,
    pairs: Pairs,
    access: Access,
    asking: Asking,
    compartment: Compartment | None = None,
) -> Searchset:
    """The page that `pairs` ask for, of the resources of the type (empty: of all) that `access` shows, in `compartment`.

    Raises InvalidSearch for what cannot be served, Forbidden for what the caller may not search; the database's own
    failures are the store's to tell.
    """
    by = Seal(asking.cursor_key, asking.caller, place(resource_type, compartment))
    cursor = await _resumed(connection, by, pairs)
    asked, now = (cursor.pairs, cursor.asked_at) if cursor else (pairs, asking.now)
    await look_up_units(asked)
    parsed = parse(resource_type, asked, compartment)
    planned = await answered(
        plan(parsed, access, asking.handling, asking.limits, Reading(now, asking.base_url)),
        Terminology(asking.terminology, connection, access, asking.base_url),
    )
    found = await execute(connection, planned, cursor.position if cursor else None)
    self_url = url(asking.base_url, by.place, pairs if cursor else understood(planned))
    next_url = await _next(connection, by, planned, found, now, asking)
    body = bundle(planned, found, self_url=self_url, next_url=next_url, notices=asking.notices)
    return Searchset(body, len(found.matches), found.total, asked)


def understood(planned: Plan) -> tuple[tuple[str, str], ...]:
    """The parameters that the search went by."""
    criteria = ((one.label, ",".join(one.values)) for one in planned.criteria)
    includes = ((one.name, one.value) for one in planned.includes)
    return (*criteria, *includes, *planned.result)


async def _resumed(connection: Connection, by: Seal, pairs: Pairs) -> Cursor | None:
    texts = [value for name, value in pairs if name == CURSOR]
    if not texts:
        return None
    others = {name for name, _ in pairs} - REPRESENTATION - {CURSOR}
    if len(texts) > 1 or others:
        raise InvalidSearch("A _cursor holds the whole search. Follow the next link as it was given.", CURSOR)
    return await resumed(connection, by, texts[0])


async def _next(
    connection: Connection, by: Seal, planned: Plan, found: Page, now: datetime, asking: Asking
) -> str | None:
    if not found.more:
        return None
    shown = [(name, value) for name, value in planned.result if name in REPRESENTATION]

    def address(text: str) -> str:
        return url(asking.base_url, planned.place, [(CURSOR, text), *shown])

    cursor = Cursor(_going_on(planned), now, found.matches[-1].position)
    return await next_link(connection, by, cursor, address, seconds=asking.limits.next_link_seconds)


def _going_on(planned: Plan) -> tuple[tuple[str, str], ...]:
    """The parameters of the following pages: the order is named, whatever it would be without."""
    pairs = tuple(pair for pair in understood(planned) if pair[0] != "_sort")
    return (*pairs, ("_sort", planned.sort.text))
