"""Where resources go: the port between ingest and whatever keeps them.

https://hl7.org/fhir/R4/http.html#transaction: a group is stored whole or not at all, groups do not depend on each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from ingest.errors import SinkUnavailable
from ingest.issue import Issue
from ingest.ports import Stated
from mappers.provenance import Measured, Message

__all__ = ["Draft", "Group", "Sink", "SinkUnavailable", "StoreOutcome", "Stored"]

StoreOutcome = Literal["created", "unchanged", "amended", "ambiguous", "deleted", "invalid"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource with its deterministic id.

    `fingerprint` is a 64-bit signed hash of its clinical content without the receive time: equal id and equal
    fingerprint mean that it is there already.
    """

    resource: dict[str, object]
    fingerprint: int


@dataclass(frozen=True, slots=True)
class Group:
    """What a reading of `message` became; `amends` when the device itself said that it corrects an earlier one.

    `anew` is one that was understood otherwise before: what is there is compared as a whole, codes and words too.

    What is written of it is named in a Provenance of the message, with the times that it was `measured` at.

    Where the source says when it last changed what it says, that is `revised`, and the `issued` of every draft: what is
    stored of a later change stays. What the device said of itself is `stated`; it is no matter of the sink's.
    """

    drafts: tuple[Draft, ...]
    message: Message
    measured: Measured
    amends: bool = False
    revised: datetime | None = None
    stated: Stated | None = None
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a group: `references` (`Observation/<id>`) to its resources in order, none for the last three.

    - created: at least one resource is new; the others were there with the same content
    - unchanged: all were there with the same content, or, as an issue says, of a later revision
    - amended: the group corrects, and a new version was written
    - ambiguous: a resource with this identity and other content is there, and the group does not say it corrects; or
      both are of the same revision, as an issue says
    - deleted: the resource was deleted or marked entered-in-error, and is not resurrected; or its patient was deleted,
      as an issue says
    - invalid: a resource breaks a rule of the store
    """

    outcome: StoreOutcome
    references: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()


class Sink(Protocol):
    """Keeps resources."""

    async def store(self, groups: Sequence[Group]) -> list[Stored]:
        """One answer per group in order, after the commit; raises SinkUnavailable, or NoSpace, when nothing can be promised."""
        ...
