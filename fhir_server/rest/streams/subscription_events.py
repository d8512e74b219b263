"""`$events-stream` of a Subscription: its events as Server-Sent Events, from any number on, as long as they are wanted.

https://html.spec.whatwg.org/multipage/server-sent-events.html; docs/subscriptions.md
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fhir_server import clock
from fhir_server.errors import InvalidRequest
from fhir_server.json import dumps
from fhir_server.operations.subscription_status import one, refuse_blind, refuse_off
from fhir_server.rest.answer import Answer
from fhir_server.rest.asgi import Receive, Scope, Send
from fhir_server.rest.audited import record
from fhir_server.rest.call import Call
from fhir_server.rest.history_window import once
from fhir_server.rest.request import Request
from fhir_server.rest.streams import sse
from fhir_server.rest.streams.connection import Producing
from fhir_server.rest.streams.stream import Ending, Stream
from fhir_server.store.subscriptions.status import Status
from fhir_server.subscriptions import notification
from fhir_server.subscriptions.news import Ended, Following, Gap, Silence, Told
from fhir_server.subscriptions.stream import Followers

KIND: Final = "subscription-events"
SINCE: Final = "eventsSinceNumber"
ENDINGS: Final[Mapping[str, Ending]] = MappingProxyType(
    {"off": "done", "rights": "token", "failure": "error"}
)
_LAST: Final = b"last-event-id"
_DIGITS: Final = 18


def wants_events(asked: Request) -> bool:
    """Whether the request is for a stream of events, which is of a format of its own."""
    match asked.segments:
        case ("Subscription", _, "$events-stream"):
            return True
    return False


async def serve(call: Call) -> Answer:
    """An answer that stays open: a handshake that says where the stream begins, then a notification for what happens.

    It begins behind the event that Last-Event-ID names, else with `eventsSinceNumber`, else with what happens from now on.
    Raises NotFound or Gone for a Subscription that is not there or not the caller's, Unprocessable for one that is off,
    Forbidden where the caller may not see what it watches, InvalidRequest for a number that is none or that no event has yet,
    TooCostly beyond the bounds of streams.
    """
    house = call.house
    found = await one(house.database, call.target.id, call.access)
    refuse_off(found)
    refuse_blind(call.principal, found)
    after = _after(call.request, found)
    caller = house.streams.callers.known(call.principal, call.request.header(b"authorization"))
    house.streams.refuse_more(caller)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if call.request.method == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": list(sse.HEADERS)})
            await send({"type": "http.response.body", "body": b""})
            return
        kept = record(call.request, call.target, call.trail, 200)
        with house.streams.opened(KIND, beat=_beat, caller=caller, record=kept) as stream:
            following = house.judges.by_their_token(found, stream, call.request.base, after)
            await sse.send_events(stream, scope, receive, send, telling(house.followers, following))

    return Answer(200, app=app)


def telling(followers: Followers, following: Following) -> Producing:
    """What fills a stream with what one who follows is told, until there is nothing more to tell."""

    async def produce(stream: Stream) -> None:
        about = following.about(following.stand.numbered)
        with followers.joined(following):
            greeting = notification.handshake(about, clock.now())
            stream.offer(sse.event(greeting.body, name="handshake", id=str(following.after)))
            while stream.ending is None:
                await stream.drained()
                news = await followers.news(following)
                if isinstance(news, Ended):
                    stream.end(ENDINGS[news.reason])
                else:
                    await stream.put(_written(news))

    return produce


def _written(news: Told | Gap | Silence) -> bytes:
    match news:
        case Told(last, told):
            return sse.event(told.body, id=str(last))
        case Gap(first, last):
            return sse.event(dumps({"first": first, "last": last}), name="gap", id=str(last))
        case Silence(told):
            return sse.event(told.body, name="heartbeat")


def _after(asked: Request, found: Status) -> int:
    """The number of the event behind which the stream begins."""
    said, place, first = asked.header(_LAST) or None, "Last-Event-ID", 0
    since = once(asked, SINCE)
    if said is None:
        said, place, first = since, SINCE, 1
    if said is None:
        return found.numbered
    if not (said.isascii() and said.isdigit() and len(said) <= _DIGITS):
        raise InvalidRequest(f"{place} is {said[:40]!r}. Send the number of an event.", place)
    after = max(int(said) - first, 0)
    if after > found.numbered:
        raise InvalidRequest(
            f"{place} is {said}, and the last event is number {found.numbered}. Ask $status.", place
        )
    return after


def _beat() -> bytes:
    return sse.COMMENT
