"""The link to the next page, and the way from it to the search that goes on there.

https://hl7.org/fhir/R4/http.html#paging

The link holds the search itself, sealed, so that the server need not remember it. A search too long for that is kept
in the database for a while, and the link names it.
"""

from collections.abc import Callable
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from fhir_server.errors import Expired, InvalidSearch
from fhir_server.search.cursor import CURSOR, Cursor, opened, seal, unseal
from fhir_server.search.seal import Seal
from fhir_server.store.kept_searches import keep, kept

MAX_LINK: Final = (
    7_800  # with method and protocol no more than 8 kB, which proxies take without being told to
)
_MAX_KEPT: Final = 1_000_000
_NAMED: Final = "~"  # before a text that names what is kept: nothing sealed begins so


async def next_link(
    connection: psycopg.AsyncConnection[TupleRow],
    by: Seal,
    cursor: Cursor,
    address: Callable[[str], str],
    *,
    seconds: int,
) -> str:
    """The `address` of what follows `cursor`, good for that many seconds if it has to be kept.

    Raises InvalidSearch for a search so long that it is not kept either.
    """
    sealed = seal(by, cursor)
    link = address(sealed)
    if len(link) <= MAX_LINK:
        return link
    if len(sealed) > _MAX_KEPT:
        raise InvalidSearch(
            "The search is too long to be gone on with. Give fewer values, or a _count that all matches fit in."
        )
    return address(_NAMED + by.close(await keep(connection, sealed.encode(), seconds)))


async def resumed(connection: psycopg.AsyncConnection[TupleRow], by: Seal, text: str) -> Cursor:
    """The search that a link with `text` goes on with.

    Raises as `cursor.opened` does, Expired when what it names is kept no more.
    """
    if not text.startswith(_NAMED):
        return unseal(by, text)
    sealed = await kept(connection, opened(by, text.removeprefix(_NAMED)))
    if sealed is None:
        raise Expired(
            "The search was kept for its next page for a while, which is over. Search anew.", CURSOR
        )
    return unseal(by, sealed.decode())
