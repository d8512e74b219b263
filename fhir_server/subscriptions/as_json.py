"""What a Subscription asks for, and whose it is, as the JSON that the database keeps of it.

https://hl7.org/fhir/R4/subscription.html

`asked_json` and `asked_from`, `owner_json` and `owner_from` undo each other.
"""

from datetime import datetime
from typing import Any, Final, TypeAlias

from fhir_server.subscriptions.model import Asked, Channel, Criterion
from smart_auth.principal import CareOf, Everything, Patients, Principal, Reach

# Any: JSON that this module wrote itself, whose members it knows
_Known: TypeAlias = dict[str, Any]

_SCALARS: Final = ("subject", "client", "user", "fhir_user", "patient", "grant", "administrator", "auditor")


def asked_json(asked: Asked) -> _Known:
    """What is asked for; the id of the Subscription and its end have columns of their own."""
    channel = asked.channel
    return {
        "topic": asked.topic,
        "criteria": [
            {
                "type": one.type,
                "query": one.query,
                "changes": sorted(one.changes),
                "trigger": one.trigger,
            }
            for one in asked.criteria
        ],
        "channel": {
            "type": channel.type,
            "endpoint": channel.endpoint,
            "payload": channel.payload,
            "content": channel.content,
            "header_names": list(channel.header_names),
            "heartbeat": channel.heartbeat,
            "timeout": channel.timeout,
            "max_count": channel.max_count,
        },
    }


def asked_from(id: str, kept: _Known, ends_at: datetime | None = None) -> Asked:
    """What the Subscription with the id asks for."""
    criteria = tuple(
        Criterion(one["type"], one["query"], frozenset(one["changes"]), one["trigger"])
        for one in kept["criteria"]
    )
    channel = Channel(**{**kept["channel"], "header_names": tuple(kept["channel"]["header_names"])})
    return Asked(id, kept["topic"], criteria, channel, ends_at)


def owner_json(principal: Principal) -> _Known:
    """The caller with what they were granted."""
    named = {name: getattr(principal, name) for name in _SCALARS}
    return {**named, "scopes": sorted(principal.scopes), "reach": _reach_json(principal.reach)}


def owner_from(kept: _Known) -> Principal:
    """The caller as they were when they subscribed; what they may now is for `standing` to say."""
    named = {name: kept[name] for name in _SCALARS}
    return Principal(scopes=frozenset(kept["scopes"]), reach=_reach_from(kept["reach"]), **named)


def _reach_json(reach: Reach | None) -> _Known | None:
    match reach:
        case None:
            return None
        case Everything():
            return {"everything": True}
        case Patients(ids):
            return {"patients": sorted(ids)}
        case CareOf(practitioner, organizations):
            return {"practitioner": practitioner, "organizations": sorted(organizations)}


def _reach_from(kept: _Known | None) -> Reach | None:
    match kept:
        case None:
            return None
        case {"patients": ids}:
            return Patients(frozenset(ids))
        case {"practitioner": practitioner, "organizations": organizations}:
            return CareOf(practitioner, frozenset(organizations))
    return Everything()
