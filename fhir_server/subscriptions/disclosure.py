"""What the audit keeps of a notification: who was told of which events, where, and what came of it.

https://hl7.org/fhir/R4/auditevent.html; docs/adr/0019-audit.md

Only what tells more than that something happened leaves a record: contents, ids, or the address of a resource.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from fhir_server.audit.record import FAILED, REFUSED, SUCCESS, Agent, Record, outcome
from fhir_server.outbound import Reply
from fhir_server.store.subscriptions.deliveries import Due
from fhir_server.subscriptions.channels.outgoing import Message, Outgoing
from smart_auth.principal import Principal

_NO_ANSWER: Final = "no-answer"
_PATIENT: Final = "Patient"


def discloses(outgoing: Outgoing) -> bool:
    """Whether it tells which resources its events are about."""
    return bool(outgoing.told) and outgoing.asked.channel.content != "empty"


def patient(told: Sequence[Due]) -> str | None:
    """The id of the one Patient that events are about; None where there is none, or several."""
    found = {one.row.id if one.row.type == _PATIENT else one.patient for one in told} - {None}
    return found.pop() if len(found) == 1 else None


def disclosure(outgoing: Outgoing, message: Message, owner: Principal, about: str | None) -> Record:
    """The record of the `message` that tells `owner` of events of the Patient `about`, to which there is no answer yet."""
    first, last = outgoing.told[0].event.number, outgoing.told[-1].event.number
    return Record(
        "notification",
        "notification",
        FAILED,
        Agent(owner.subject, owner.client, owner.user, owner.fhir_user),
        type="Subscription",
        id=outgoing.about.id,
        patient=about,
        reason=_NO_ANSWER,
        events=str(last) if first == last else f"{first}-{last}",
        destination=_origin(message.url),
    )


def answered(record: Record, reply: Reply, *, is_taken: bool) -> Record:
    """The record with what the endpoint answered; it was told, whether it took it or not."""
    came_of_it = SUCCESS if is_taken else max(REFUSED, outcome(reply.status))
    return record._replace(outcome=came_of_it, reason=str(reply.status))


def _origin(url: str) -> str:
    """Scheme, host and port: what comes after them is the subscriber's, and may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
