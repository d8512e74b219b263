"""The notifications of the Subscriptions R5 Backport on R4: Bundles that begin with the state of their Subscription.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from fhir_server.clock import instant
from fhir_server.json import JsonObject, JsonValue, dumps
from fhir_server.subscriptions.failing import code
from fhir_server.subscriptions.model import Change, Content, Event, State

Kind: TypeAlias = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]

_PROFILES: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
_ERRORS: Final = "http://terminology.hl7.org/CodeSystem/subscription-error"
_NAMESPACE: Final = uuid.UUID("b9d0f7f2-5d53-4f0a-8f4e-0a6c4a0ab3c5")
_WRITES: Final = MappingProxyType(
    {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}
)
_READ: Final = ("GET", "200")
_NOT_SHOWN: Final = ("GET", "404")


@dataclass(frozen=True, slots=True)
class About:
    """What a notification says of its Subscription: how many events it was given numbers for, and what went wrong last."""

    id: str
    topic: str | None
    state: State
    numbered: int
    base_url: str
    error: str | None = None

    @property
    def url(self) -> str:
        """The absolute address of the Subscription."""
        return f"{self.base_url}/Subscription/{self.id}"


class Occurrence(NamedTuple):
    """An event, and the content of the resource that goes with it as JSON text: None where there is none that may be shown."""

    event: Event
    body: bytes | None = None


class Notification(NamedTuple):
    """A Bundle as JSON text, and its id: the same whenever the same events are told."""

    id: str
    body: bytes


def handshake(about: About, at: datetime) -> Notification:
    """What asks the endpoint whether it takes notifications."""
    return _bundle(about, "handshake", _named(about, "handshake", at.isoformat()), at)


def heartbeat(about: About, at: datetime) -> Notification:
    """What says that there was nothing to tell."""
    return _bundle(about, "heartbeat", _named(about, "heartbeat", at.isoformat()), at)


def events(about: About, content: Content, told: Sequence[Occurrence], at: datetime) -> Notification:
    """What tells of events, in the order of their numbers; `about.numbered` is to be the number of the last of them."""
    id = identity(about.id, told[0].event.number, told[-1].event.number)
    return _bundle(about, "event-notification", id, at, content, told)


def identity(subscription: str, first: int, last: int) -> str:
    """The id of what tells of these events of a Subscription, however often it does."""
    return _uuid(subscription, "events", f"{first}-{last}")


def query_events(
    about: About,
    content: Content,
    told: Sequence[Occurrence],
    at: datetime,
    *,
    further: str | None = None,
    missing: str | None = None,
) -> Notification:
    """The answer to `$events`: those of the events that were asked for and are kept.

    `further` is the address of those after them, `missing` says in words which are kept no more.
    """
    id = _named(about, "query", at.isoformat())
    return _bundle(about, "query-event", id, at, content, told, further, missing)


def query_status(about: About) -> JsonObject:
    """The Parameters that answer `$status` for one Subscription."""
    return _status(about, "query-status", _named(about, "status", str(about.numbered)), "id-only", ())


def _bundle(
    about: About,
    kind: Kind,
    id: str,
    at: datetime,
    content: Content = "id-only",
    told: Sequence[Occurrence] = (),
    further: str | None = None,
    missing: str | None = None,
) -> Notification:
    head: JsonObject = {
        "resourceType": "Bundle",
        "id": id,
        "meta": {"profile": [f"{_PROFILES}/backport-subscription-notification-r4"]},
        "type": "history",
        "timestamp": instant(at),
    }
    if further is not None:
        head["link"] = [{"relation": "next", "url": further}]
    entries = [_status_entry(about, kind, content, told, id, missing)]
    if content != "empty":
        entries += [_entry(about.base_url, one, content) for one in told]
    return Notification(id, dumps(head)[:-1] + b',"entry":[' + b",".join(entries) + b"]}")


def _status_entry(
    about: About, kind: Kind, content: Content, told: Sequence[Occurrence], bundle: str, missing: str | None
) -> bytes:
    id = _named(about, "state", bundle)
    response: JsonObject = {"status": "200"}
    if missing is not None:
        issue: JsonValue = {"severity": "warning", "code": "incomplete", "diagnostics": missing}
        response["outcome"] = {"resourceType": "OperationOutcome", "issue": [issue]}
    return dumps(
        {
            "fullUrl": f"urn:uuid:{id}",
            "resource": _status(about, kind, id, content, [one.event for one in told]),
            "request": {"method": "GET", "url": f"{about.url}/$status"},
            "response": response,
        }
    )


def _status(about: About, kind: Kind, id: str, content: Content, told: Iterable[Event]) -> JsonObject:
    parameters: list[JsonValue] = [{"name": "subscription", "valueReference": {"reference": about.url}}]
    if about.topic is not None and content != "empty":
        parameters.append({"name": "topic", "valueCanonical": about.topic})
    parameters += [
        {"name": "status", "valueCode": about.state},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(about.numbered)},
        *(_told(about.base_url, event, content) for event in told),
    ]
    if about.error is not None:
        parameters.append({"name": "error", "valueCodeableConcept": _concept(about.error)})
    return {
        "resourceType": "Parameters",
        "id": id,
        "meta": {"profile": [f"{_PROFILES}/backport-subscription-status-r4"]},
        "parameter": parameters,
    }


def _concept(error: str) -> JsonValue:
    """What went wrong, with a code where there is one."""
    found = code(error)
    if found is None:
        return {"text": error}
    return {"coding": [{"system": _ERRORS, "code": found}], "text": error}


def _told(base_url: str, event: Event, content: Content) -> JsonValue:
    parts: list[JsonValue] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": instant(event.at)},
    ]
    if content != "empty":
        focus: JsonValue = {"reference": f"{base_url}/{event.type}/{event.id}"}
        parts.append({"name": "focus", "valueReference": focus})
    return {"name": "notification-event", "part": parts}


def _entry(base_url: str, one: Occurrence, content: Content) -> bytes:
    """The entry of what an event is about; its resource only where the whole content was asked for and may be shown."""
    event, body = one
    is_whole = content == "full-resource"
    method, status = _request(event.change, is_shown=body is not None or not is_whole)
    place = event.type if method == "POST" else f"{event.type}/{event.id}"
    ends = dumps({"request": {"method": method, "url": place}, "response": {"status": status}})[1:]
    start = b'{"fullUrl":' + dumps(f"{base_url}/{event.type}/{event.id}") + b","
    return start + (b'"resource":' + body + b"," if is_whole and body is not None else b"") + ends


def _request(change: Change, *, is_shown: bool) -> tuple[str, str]:
    """What was done to the resource and its answer; where it cannot be shown, a read that finds nothing."""
    if change == "delete" or (is_shown and change in _WRITES):
        return _WRITES[change]
    return _READ if is_shown else _NOT_SHOWN


def _named(about: About, *parts: str) -> str:
    return _uuid(about.id, *parts)


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))
