"""`$events` of a Subscription: what happened, as far as it is kept, for who was away or missed a notification.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html
"""

from collections.abc import Sequence
from typing import Final, cast, get_args

from fhir_server.errors import InvalidRequest, NotFound
from fhir_server.operations.arguments import Arguments
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result
from fhir_server.operations.subscription_status import about, one, refuse_blind
from fhir_server.search.access import access
from fhir_server.search.bundle import url
from fhir_server.store.database import Connection
from fhir_server.store.subscriptions.contents import fitting
from fhir_server.store.subscriptions.following import LATEST, Row, Wanted, events
from fhir_server.store.subscriptions.status import SUBSCRIPTION, Status
from fhir_server.subscriptions.as_json import asked_from
from fhir_server.subscriptions.contents import contents
from fhir_server.subscriptions.model import Content
from fhir_server.subscriptions.news import event
from fhir_server.subscriptions.notification import query_events

MOST_BYTES: Final = 10_000_000

_DEFINITIONS: Final = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition"
_SINCE: Final = "eventsSinceNumber"
_UNTIL: Final = "eventsUntilNumber"
_CONTENT: Final = "content"
_DIGITS: Final = 18


async def serve(call: Invocation) -> Result:
    """A notification Bundle of the events asked for, with what of them the caller may see now.

    It says which are kept no more, and where it goes on when there are too many for one Bundle. Raises NotFound or Gone for
    a Subscription that is not there or not the caller's, Forbidden where they may not see what it watches; InvalidRequest for a
    number or a content that is none.
    """
    since = max(_number(call.arguments, _SINCE) or 1, 1)
    until = _number(call.arguments, _UNTIL)
    hinted = _hinted(call.arguments)
    found = await one(call.database, call.id, call.access)
    if found.asked is None:
        raise NotFound(f"{SUBSCRIPTION}/{found.id} was never served, and has no events. Send it again.")
    refuse_blind(call.principal, found)
    content = hinted or asked_from(found.id, found.asked).channel.content
    most = call.settings.max_count
    wanted = Wanted(found.key, since - 1, LATEST if until is None else until)
    async with call.database.connection() as connection:
        (rows,) = await events(connection, [wanted], most + 1)
        together = await _together(connection, rows[:most], content)
        told = await contents(
            connection,
            [event(row) for row in rows[:together]],
            content,
            access(call.principal),
            base_url=call.base_url,
        )
    return Result(
        query_events(
            about(found, call.base_url),
            content,
            told,
            call.now,
            further=_further(call, rows[together].number) if len(rows) > together else None,
            missing=_missing(found, since, until),
        ).body
    )


async def _together(connection: Connection, rows: Sequence[Row], content: Content) -> int:
    """How many of the events go into one Bundle: not all where their contents are too large for it."""
    if content != "full-resource" or len(rows) < 2:
        return len(rows)
    versions = [(row.type, row.id, row.version) for row in rows]
    return max(await fitting(connection, versions, MOST_BYTES), 1)


def _number(asked: Arguments, name: str) -> int | None:
    text = asked.text(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise InvalidRequest(f"{name} is {text[:40]!r}. Send the number of an event.", name)
    return int(text)


def _hinted(asked: Arguments) -> Content | None:
    text = asked.text(_CONTENT)
    if text is not None and text not in get_args(Content):
        raise InvalidRequest(f"{_CONTENT} is {text[:40]!r}. Send {', '.join(get_args(Content))}.", _CONTENT)
    return cast("Content | None", text)


def _further(call: Invocation, since: int) -> str:
    kept = [(name, text) for name in (_UNTIL, _CONTENT) if (text := call.arguments.text(name)) is not None]
    return url(call.base_url, f"{call.type}/{call.id}/$events", [(_SINCE, str(since)), *kept])


def _missing(found: Status, since: int, until: int | None) -> str | None:
    """Which of the events that were asked for are kept no more, in words."""
    last = min(found.kept_from - 1, found.numbered, LATEST if until is None else until)
    if last < since:
        return None
    named = f"Event {since} is" if since == last else f"Events {since} to {last} are"
    return f"{named} no longer kept. Read what changed by `_lastUpdated` instead."


EVENTS: Final = Operation(
    id="Subscription-events",
    code="events",
    title="What happened for a Subscription",
    description="The events that are kept, by number, in a notification Bundle, with what of them the caller may see now. "
    "Where there are more than fit, its link `next` goes on; the outcome in the response of its first entry says which "
    "are kept no more.",
    levels={"instance": "read"},
    types=(SUBSCRIPTION,),
    takes=(
        Parameter(
            _SINCE, "string", 0, "1", "The number of the first event; without it, the first that is kept."
        ),
        Parameter(
            _UNTIL, "string", 0, "1", "The number of the last event; without it, the last that there is."
        ),
        Parameter(
            _CONTENT,
            "code",
            0,
            "1",
            "`empty`, `id-only` or `full-resource`; without it, that of the Subscription.",
        ),
    ),
    gives=(Parameter("return", "Bundle", 1, "1", "A notification Bundle of the type `history`."),),
    affects_state=False,
    serve=serve,
    base=f"{_DEFINITIONS}/backport-subscription-events",
)
