"""The place where a page ended, sealed so that the next link shows no clinical value.

https://hl7.org/fhir/R4/http.html#paging
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from fhir_server.errors import Forbidden, InvalidSearch
from fhir_server.search.order import Position
from fhir_server.search.seal import Foreign, Seal, Unreadable

CURSOR: Final = "_cursor"

_FORM: Final = 2


@dataclass(frozen=True, slots=True)
class Cursor:
    """A search to go on with: its parameters as understood, the time it was first asked, and where it got to."""

    pairs: tuple[tuple[str, str], ...]
    asked_at: datetime
    position: Position


def seal(by: Seal, cursor: Cursor) -> str:
    """`cursor` as text for a URL."""
    position = cursor.position
    return by.close(orjson.dumps([_FORM, cursor.pairs, cursor.asked_at, position.values, position.rid]))


def unseal(by: Seal, text: str) -> Cursor:
    """The cursor in `text`. Raises as `opened` does, and InvalidSearch for what is none."""
    try:
        form, *parts = orjson.loads(opened(by, text))
    except ValueError as error:
        raise not_ours() from error
    if form != _FORM:
        raise InvalidSearch("The _cursor is of another release of this server. Search anew.", CURSOR)
    pairs, asked_at, values, rid = parts
    named = tuple((name, value) for name, value in pairs)
    return Cursor(named, datetime.fromisoformat(asked_at), Position(tuple(values), rid))


def opened(by: Seal, text: str) -> bytes:
    """What is sealed in `text`.

    Raises InvalidSearch when it was changed, or made for another path or server; Forbidden when for another caller.
    """
    try:
        return by.open(text)
    except Unreadable as error:
        raise not_ours() from error
    except Foreign as error:
        raise Forbidden(
            "The _cursor is another caller's, or from before your scopes changed. Search anew.", CURSOR
        ) from error


def not_ours() -> InvalidSearch:
    """The refusal of a text that does not open."""
    return InvalidSearch("The _cursor is not one of ours. Follow the next link as it was given.", CURSOR)
