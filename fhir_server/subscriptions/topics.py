"""The topics: what may be subscribed to by name, and which filters each of them takes.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html#subscription-topics
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.subscriptions.model import Change, Trigger

PREFIX: Final = "urn:fhir-server:topic:"
_SHELF: Final = "SubscriptionTopic"

UNWATCHED: Final = frozenset({"AuditEvent", "Binary", "Subscription"})
"""Types whose changes are nobody's to be told of: what auditors read, bare contents, and what others subscribed to."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic about resources of a `type`: which changes of theirs, and when, are its events.

    `filters` are the search parameters that may be asked for, None for all of the type's that can be decided by the resource
    alone; `limits` those of them one of which must be given, with a bound. `aliases` are names of filters beside the search
    parameters that they stand for.
    """

    name: str
    title: str
    type: str
    changes: frozenset[Change]
    trigger: Trigger = "change"
    filters: frozenset[str] | None = None
    limits: frozenset[str] = frozenset()
    aliases: tuple[tuple[str, str], ...] = ()

    @property
    def canonical(self) -> str:
        """What `Subscription.criteria` names it by, on every server."""
        return PREFIX + self.name

    def address(self, base_url: str) -> str:
        """The same as a URL below that of `/fhir`, for clients that take no other canonicals."""
        return f"{base_url}/{_SHELF}/{self.name}"


_ENCOUNTER: Final = frozenset(
    {
        *("patient", "subject", "class", "type", "location", "service-provider"),
        *("participant", "practitioner", "episode-of-care", "identifier"),
    }
)
_LIMITS: Final = frozenset(
    {"value-quantity", "combo-value-quantity", "code-value-quantity", "combo-code-value-quantity"}
)

_CLINICAL: Final = (
    Topic(
        "new-reading",
        "A new reading: an Observation was created",
        "Observation",
        frozenset({"create"}),
        filters=frozenset(
            {
                *("patient", "subject", "device", "encounter", "performer"),
                *("code", "combo-code", "component-code", "category", "status", "method", "identifier"),
            }
        ),
    ),
    Topic(
        "vital-beyond-limit",
        "An Observation was created or corrected whose value is beyond a limit",
        "Observation",
        frozenset({"create", "update"}),
        filters=frozenset({"patient", "subject", "device", "code", "combo-code", "category", "status"})
        | _LIMITS,
        limits=_LIMITS,
    ),
    Topic(
        "device-silent",
        "A device that was connected is not heard of any more",
        "Device",
        frozenset({"silent"}),
        "silent",
        frozenset({"device", "patient"}),
        aliases=(("device", "_id"),),
    ),
    Topic(
        "encounter-admitted",
        "An Encounter began: it is in progress, and was not before",
        "Encounter",
        frozenset({"create", "update"}),
        "admitted",
        _ENCOUNTER,
    ),
    Topic(
        "encounter-discharged",
        "An Encounter ended: it is finished, and was not before",
        "Encounter",
        frozenset({"create", "update"}),
        "discharged",
        _ENCOUNTER,
    ),
)


def _of_types() -> Iterator[Topic]:
    for type in sorted(RESOURCE_TYPES.keys() - UNWATCHED):
        yield Topic(f"{type}-created", f"A resource of type {type} was created", type, frozenset({"create"}))
        yield Topic(f"{type}-updated", f"A resource of type {type} was updated", type, frozenset({"update"}))
        yield Topic(f"{type}-deleted", f"A resource of type {type} was deleted", type, frozenset({"delete"}))


TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {topic.canonical: topic for topic in (*_CLINICAL, *_of_types())}
)
"""Every topic that is served, by its canonical."""


def named(canonical: str, base_url: str) -> Topic | None:
    """The topic of that canonical, or of its address below `base_url`; None where there is none."""
    known = TOPICS.get(canonical)
    if known is not None or not base_url:
        return known
    found = TOPICS.get(PREFIX + canonical.rpartition("/")[2])
    return found if found is not None and found.address(base_url) == canonical else None
