"""What the live view tells, as text: once for all who are told the same, in the form of each kind of stream.

docs/live.md, "Events"
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

from fhir_server.clock import instant
from fhir_server.json import JsonObject, dumps
from fhir_server.rest.streams import sse

SSE: Final = "live-sse"
SOCKET: Final = "live-websocket"

Name: TypeAlias = Literal["observation", "device", "missed"]
What: TypeAlias = Literal["created", "amended", "deleted", "removed"]
"""What became of an Observation; `removed` is one that is about somebody else now, or no longer to be seen."""

Form: TypeAlias = Callable[[Name, bytes, str], bytes]
"""An event's name, its JSON object and the position after it, if any, as one part of a stream."""


def as_event(name: Name, text: bytes, id: str) -> bytes:
    """A server-sent event."""
    return sse.event(text, name=name, id=id)


def as_message(name: Name, text: bytes, id: str) -> bytes:
    """A message of a WebSocket: the same object with the event's name, and the position under `id`."""
    position = b',"id":"%b"' % id.encode() if id else b""
    return b'{"event":"%b"%b,%b' % (name.encode(), position, text[1:])


FORMS: Final[Mapping[str, Form]] = MappingProxyType({SSE: as_event, SOCKET: as_message})


def heartbeat(kind: str, id: str) -> bytes:
    """A sign of life of this kind of stream, with the position where there is one."""
    if kind == SSE:
        return sse.position(id)
    return b'{"event":"heartbeat","id":"%b"}' % id.encode() if id else b'{"event":"heartbeat"}'


def observation(what: What, id: str, body: bytes | None) -> bytes:
    """An Observation as FHIR JSON where it is to be seen, else its reference."""
    if body is None:
        return b'{"change":"%b","reference":"Observation/%b"}' % (what.encode(), id.encode())
    return b'{"change":"%b","observation":%b}' % (what.encode(), body)


def missed(base: str, patient: str, since: datetime | None) -> bytes:
    """How to catch up: a search for what was written since a moment, or for the latest where none is known."""
    query = {"patient": patient}
    query |= {"_sort": "-_lastUpdated"} if since is None else {"_lastUpdated": f"ge{instant(since)}"}
    return dumps({"search": f"{base}/Observation?{urlencode(query, safe=':')}"})


def parts(kind: str, texts: Sequence[bytes], id: str) -> list[bytes]:
    """Observations as they are offered to a stream, the last with the position after all of them.

    The events of one stream are one part, messages are one each.
    """
    last = len(texts) - 1
    form = FORMS[kind]
    return _parts(
        kind, [form("observation", text, id if at == last else "") for at, text in enumerate(texts)]
    )


def devices(kind: str, states: Sequence[JsonObject]) -> list[bytes]:
    """The states of devices as they are offered to a stream."""
    return _parts(kind, [FORMS[kind]("device", dumps(one), "") for one in states])


def _parts(kind: str, events: Sequence[bytes]) -> list[bytes]:
    return [b"".join(events)] if kind == SSE else list(events)
