"""The versions of one resource, of a type, or of everything, newest first.

https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhir_server.errors import NotFound
from fhir_server.store import history as stored
from fhir_server.store.database import Database
from fhir_server.store.history import Entry, Window
from fhir_server.store.predicate import Predicate


@dataclass(frozen=True, slots=True)
class Page:
    """The entries of one page, and the window of the next when there is more."""

    entries: Sequence[Entry]
    next: Window | None


async def instance(
    database: Database, type: str, id: str, access: Predicate, window: Window, count: int
) -> Page:
    """The versions of one resource, its deletion included; raises NotFound when it never was, as far as `access` shows."""
    async with database.connection() as connection:
        entries = await stored.instance(connection, type, id, access, window, count + 1)
        if not entries and not await stored.instance(connection, type, id, access, Window(), 1):
            raise NotFound(f"{type}/{id} does not exist here. Search for it, or check the id.")
    return _page(entries, window, count)


async def everything(
    database: Database, type: str | None, access: Predicate, window: Window, count: int
) -> Page:
    """The versions of all resources of `type`, or of every type when None; a page may be empty."""
    async with database.connection() as connection:
        entries = await stored.everything(connection, type, access, window, count + 1)
    return _page(entries, window, count)


def _page(entries: Sequence[Entry], window: Window, count: int) -> Page:
    if len(entries) <= count or count == 0:
        return Page(entries[:count], None)
    return Page(entries[:count], replace(window, before=entries[count - 1].place))
