"""The versions of one resource, of a type, or of everything, newest first.

https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

from fhir_server.errors import NotFound
from fhir_server.interactions.versions_shown import Sight
from fhir_server.store import history as stored
from fhir_server.store.database import Connection, Database
from fhir_server.store.history import Entry, Window
from fhir_server.store.predicate import EVERYTHING, Predicate

MOST_LOOKED: Final = (
    5_000  # versions for one page, whatever it holds: a page that ends there hints at what is hidden
)
_AT_ONCE: Final = 500

_Read: TypeAlias = Callable[[Window, int], Awaitable[list[Entry]]]


@dataclass(frozen=True, slots=True)
class Page:
    """The entries of one page, and the window of the next when there is more."""

    entries: Sequence[Entry]
    next: Window | None


async def instance(database: Database, type: str, id: str, sight: Sight, window: Window, count: int) -> Page:
    """The versions of one resource, its deletion included; raises NotFound when it never was, as far as is shown."""
    async with database.connection() as connection:
        if not sight.whole and await sight.current(connection, type, id) is None:
            raise _unknown(type, id)
        page = await _page(
            connection, sight, partial(stored.instance, connection, type, id, EVERYTHING), window, count
        )
        if not page.entries and not await stored.instance(connection, type, id, EVERYTHING, Window(), 1):
            raise _unknown(type, id)
    return page


async def everything(database: Database, type: str | None, sight: Sight, window: Window, count: int) -> Page:
    """The versions of all resources of `type`, or of every type when None; a page may be empty."""
    access = sight.access
    if not sight.whole:  # a deleted row tells nothing: what it was decides
        access = Predicate(f"({access.sql}) OR r.deleted", access.params)
    async with database.connection() as connection:
        return await _page(
            connection, sight, partial(stored.everything, connection, type, access), window, count
        )


async def _page(connection: Connection, sight: Sight, read: _Read, window: Window, count: int) -> Page:
    """A page of what is shown. What is not is passed over, for so long; then the next page goes on from there."""
    found, place, size, looked = list[Entry](), window, count + 1, 0
    while looked < MOST_LOOKED:
        entries = await read(place, size)
        found += await _shown(connection, sight, entries)
        if len(found) > count:
            return Page(found[:count], replace(window, before=found[count - 1].place) if count else None)
        if len(entries) < size:
            return Page(found, None)
        place, looked = replace(window, before=entries[-1].place), looked + size
        size = max(count + 1, min(2 * size, _AT_ONCE))
    return Page(found, place)


async def _shown(connection: Connection, sight: Sight, entries: Sequence[Entry]) -> Sequence[Entry]:
    if sight.whole:
        return entries
    shown = await sight.among(connection, [entry.version for entry in entries])
    return [entry for entry in entries if entry.version in shown]


def _unknown(type: str, id: str) -> NotFound:
    return NotFound(f"{type}/{id} does not exist here. Search for it, or check the id.")
