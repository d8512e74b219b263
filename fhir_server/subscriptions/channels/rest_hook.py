"""Notifications as HTTP requests: the Bundles of the Backport as POST, R4's own as an empty POST or a PUT of the resource.

https://hl7.org/fhir/R4/subscription.html#2.46.7.1; https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#rest-hook
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from fhir_server.outbound import Reply
from fhir_server.subscriptions import notification
from fhir_server.subscriptions.channels.outgoing import Message, Outgoing
from fhir_server.subscriptions.failing import ANSWERED, Failure
from fhir_server.subscriptions.notification import Notification, Occurrence

# what may well be otherwise the next time: the request took too long, came too early, or was one too many
_SOFT: Final = frozenset({408, 425, 429})


def message(outgoing: Outgoing) -> Message | None:
    """The request that tells it; None where R4 has none, or where what it would send may not be shown any more."""
    if outgoing.asked.backport:
        made = _notification(outgoing)
        return _message(outgoing, "POST", _endpoint(outgoing), made.id, made.body)
    if outgoing.kind != "events":
        return None  # a subscription of R4's own is active at once, and silent while nothing happens
    (one,) = outgoing.told
    id = notification.identity(outgoing.about.id, one.event.number, one.event.number)
    if outgoing.asked.channel.payload is None:
        return _message(outgoing, "POST", _endpoint(outgoing), id, b"")
    if one.body is None:
        return None
    return _message(outgoing, "PUT", _place(_endpoint(outgoing), one), id, one.body)


def failure(reply: Reply, now: datetime) -> Failure | None:
    """Why the answer says that it was not taken; None for one of 2xx. Redirects are not followed."""
    if 200 <= reply.status < 300:
        return None
    reason = f"{ANSWERED}{_status(reply.status)}."
    if reply.status == HTTPStatus.GONE:
        return Failure(reason, is_gone=True)
    is_hard = 300 <= reply.status < 500 and reply.status not in _SOFT
    return Failure(reason, is_hard, retry_after=_retry_after(reply, now))


def _notification(outgoing: Outgoing) -> Notification:
    about, at = outgoing.about, outgoing.at
    match outgoing.kind:
        case "handshake":
            return notification.handshake(about, at)
        case "heartbeat":
            return notification.heartbeat(about, at)
        case "events":
            return notification.events(about, outgoing.asked.channel.content, outgoing.told, at)


def _message(outgoing: Outgoing, method: str, url: str, id: str, body: bytes) -> Message:
    headers = [(name.encode(), value.encode()) for name, value in outgoing.headers.items()]
    payload = outgoing.asked.channel.payload
    if body and payload is not None:
        headers.append((b"content-type", payload.encode()))
    return Message(method, url, id, tuple(headers), body)


def _endpoint(outgoing: Outgoing) -> str:
    endpoint = outgoing.asked.channel.endpoint
    assert endpoint is not None, "a rest-hook has one"
    return endpoint


def _place(endpoint: str, one: Occurrence) -> str:
    """The address of the resource at a service whose base the endpoint is."""
    base, mark, query = endpoint.partition("?")
    return f"{base.rstrip('/')}/{one.event.type}/{one.event.id}{mark}{query}"


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _retry_after(reply: Reply, now: datetime) -> float | None:
    """https://www.rfc-editor.org/rfc/rfc9110#field.retry-after; what cannot be read was not asked for."""
    text = (reply.header(b"retry-after") or b"").decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)
