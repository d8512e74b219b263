"""What happened to a resource, as criteria look at it.

https://hl7.org/fhir/R4/subscription.html
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fhir_server.json import JsonObject, stored
from fhir_server.search.index import index
from fhir_server.store.changes import Change as Logged
from fhir_server.store.changes import Content
from fhir_server.store.devices.silence import CONNECTED_WITHIN, Silent
from fhir_server.store.images import Image
from fhir_server.store.rows import IndexRow
from fhir_server.subscriptions.model import Change, Trigger

DEVICE: Final = "Device"
_REACHED: Final[dict[Trigger, str]] = {"admitted": "in-progress", "discharged": "finished"}


@dataclass(frozen=True, slots=True)
class Happened:
    """A change that may be an event: what the resource says now, or said last, and whether its status was another before.

    `xid` is the transaction that wrote it, None where nothing was written.
    """

    change: Change
    at: datetime
    tree: JsonObject
    row: IndexRow
    body: bytes
    type: str
    id: str
    xid: int | None = None
    rid: int | None = None
    version: int | None = None
    status_before: object = None

    @property
    def image(self) -> Image:
        """The content that whoever is told must be allowed to see."""
        return Image(self.type, self.id, self.row, self.body)

    def triggers(self, trigger: Trigger) -> bool:
        """Whether a criterion with that trigger is looked at."""
        reached = _REACHED.get(trigger)
        if reached is None:
            return (self.change == "silent") is (trigger == "silent")
        return self.tree.get("status") == reached != self.status_before


def written(logged: Logged, content: Content, base_url: str) -> Happened | None:
    """What a version of the change log means; None for the deletion of what was deleted already.

    Raises ValueError, or whatever reading it fails with, for content that is no resource of the type.
    """
    body = content.body if content.body is not None else content.before
    if body is None:
        return None
    tree = stored(body)
    if tree.get("resourceType") != logged.type:
        raise ValueError("The content is of another type than it was stored under.")
    return Happened(
        change="delete" if content.body is None else "create" if content.before is None else "update",
        at=logged.last_updated,
        tree=tree,
        row=_found_by(logged, tree, base_url),
        body=body,
        type=logged.type,
        id=logged.id,
        xid=logged.xid,
        rid=logged.rid,
        version=logged.version,
        status_before=stored(content.before).get("status")
        if content.before is not None and logged.type == "Encounter"
        else None,
    )


def _found_by(logged: Logged, tree: JsonObject, base_url: str) -> IndexRow:
    """What criteria and predicates look at: the database says it of what is current, and to work it out takes longer than the rest."""
    if logged.marks is None:
        return index(logged.type, tree, base_url=base_url)
    return IndexRow(patient=logged.patient, codings=logged.marks.codings, tokens=tuple(logged.marks.tokens))


def fell_silent(device: Silent, base_url: str) -> Happened:
    """That a device is not heard of any more; it counts as a device of the patient that it is used on."""
    tree = stored(device.body)
    row = index(DEVICE, tree, base_url=base_url)
    if device.patient is not None:
        tree = {**tree, "patient": {"reference": f"Patient/{device.patient}"}}
        row = replace(row, patient=device.patient)
    return Happened(
        change="silent",
        at=device.last_seen + CONNECTED_WITHIN,
        tree=tree,
        row=row,
        body=device.body,
        type=DEVICE,
        id=device.id,
    )
