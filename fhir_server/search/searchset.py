"""A search from its parameters to the Bundle: parse, plan, compile, execute, bundle.

https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fhir_server.errors import InvalidSearch
from fhir_server.search.access import Access
from fhir_server.search.bundle import bundle, url
from fhir_server.search.cursor import Cursor, seal, unseal
from fhir_server.search.execute import Connection, Page, execute
from fhir_server.search.order import Position
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import REPRESENTATION, Compartment, parse, place
from fhir_server.search.plan import Handling, Limits, Plan, plan

Pairs = Sequence[tuple[str, str]]

CURSOR = "_cursor"
MAX_LINK: Final = 16_000  # what a request line may hold, here and at most proxies and clients


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, when, at which address, and how strictly they want to be read; `cursor_key` seals their next link."""

    subject: str
    now: datetime
    base_url: str
    handling: Handling
    limits: Limits
    cursor_key: bytes


@dataclass(frozen=True, slots=True)
class Searchset:
    """A Bundle's JSON, how many matches it holds, and how many there are when that was counted."""

    body: bytes
    count: int
    total: int | None


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
    at = place(resource_type, compartment)
    resumed = _resumed(at, pairs, asking)
    asked, now = (resumed.pairs, resumed.asked_at) if resumed else (pairs, asking.now)
    parsed = parse(resource_type, asked, compartment)
    planned = plan(parsed, access, asking.handling, asking.limits, Reading(now, asking.base_url))
    found = await execute(connection, planned, resumed.position if resumed else None)
    self_url = url(asking.base_url, at, pairs if resumed else understood(planned))
    next_url = _next(planned, found, now, asking)
    return Searchset(
        bundle(planned, found, self_url=self_url, next_url=next_url), len(found.matches), found.total
    )


def understood(planned: Plan) -> tuple[tuple[str, str], ...]:
    """The parameters that the search went by."""
    criteria = ((one.label, ",".join(one.values)) for one in planned.criteria)
    includes = ((one.name, one.value) for one in planned.includes)
    return (*criteria, *includes, *planned.result)


def _resumed(at: str, pairs: Pairs, asking: Asking) -> Cursor | None:
    texts = [value for name, value in pairs if name == CURSOR]
    if not texts:
        return None
    others = {name for name, _ in pairs} - REPRESENTATION - {CURSOR}
    if len(texts) > 1 or others:
        raise InvalidSearch("A _cursor holds the whole search. Follow the next link as it was given.", CURSOR)
    return unseal(asking.cursor_key, asking.subject, at, texts[0])


def _next(planned: Plan, found: Page, now: datetime, asking: Asking) -> str | None:
    if not found.more:
        return None
    position: Position = found.matches[-1].position
    shown = [(name, value) for name, value in planned.result if name in REPRESENTATION]
    cursor = Cursor(understood(planned), now, position)
    sealed = seal(asking.cursor_key, asking.subject, planned.place, cursor)
    link = url(asking.base_url, planned.place, [(CURSOR, sealed), *shown])
    if len(link) > MAX_LINK:
        raise InvalidSearch(
            "The search is too long for the link to its next page. Give fewer values, or a _count that all matches fit in."
        )
    return link
