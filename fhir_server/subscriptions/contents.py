"""What of events their owner may still see, read at the moment at which they are told.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html; docs/adr/0017-access.md

An event is shown with the version that it is about, where the owner may see the resource as it is now, and that version as
it was. What was deleted or hidden since goes without its content.
"""

from collections.abc import Sequence
from itertools import groupby

import psycopg

from fhir_server.errors import Forbidden, RequestError
from fhir_server.json import stored
from fhir_server.search.access import Access
from fhir_server.search.index import index
from fhir_server.store.images import Image, meeting
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.store.subscriptions.contents import Kept, versions
from fhir_server.subscriptions.model import Content, Event
from fhir_server.subscriptions.notification import Occurrence


async def contents(
    connection: psycopg.AsyncConnection,
    events: Sequence[Event],
    content: Content,
    access: Access,
    *,
    base_url: str = "",
) -> list[Occurrence]:
    """`events` in their order, each with what is to be told of it: nothing is read unless the `content` is whole.

    `access` is that of the Subscription's owner now; references under `base_url` are read as relative ones.
    """
    bodies: dict[int, bytes] = {}
    if content == "full-resource":
        told = sorted((one for one in events if one.change != "delete"), key=_type)
        for type, of_type in groupby(told, _type):
            bodies |= await _bodies(connection, type, list(of_type), access, base_url)
    return [Occurrence(one, bodies.get(one.number)) for one in events]


async def _bodies(
    connection: psycopg.AsyncConnection, type: str, events: Sequence[Event], access: Access, base_url: str
) -> dict[int, bytes]:
    try:
        predicate = access(type, "read")
    except Forbidden:
        return {}
    found = await versions(connection, type, [(one.id, one.version) for one in events], predicate)
    earlier = [one for one in found if not one.is_current]
    hidden = await _hidden(connection, type, events, earlier, predicate, base_url) if earlier else set()
    return {events[one.place].number: one.body for one in found if one.place not in hidden}


async def _hidden(
    connection: psycopg.AsyncConnection,
    type: str,
    events: Sequence[Event],
    earlier: Sequence[Kept],
    access: Predicate,
    base_url: str,
) -> set[int]:
    """The places of earlier versions that would not be shown if they were current."""
    if access == EVERYTHING:
        return set()
    images = {one.place: _image(type, events[one.place].id, one.body, base_url) for one in earlier}
    known = [(place, image) for place, image in images.items() if image is not None]
    shown = await meeting(connection, [image for _, image in known], access) if known else set()
    return set(images) - {known[number][0] for number in shown}


def _image(type: str, id: str, body: bytes, base_url: str) -> Image | None:
    try:
        return Image(type, id, index(type, stored(body), base_url=base_url), body)
    except RequestError:
        return None  # from before a rule that it breaks: not known to be theirs


def _type(event: Event) -> str:
    return event.type
