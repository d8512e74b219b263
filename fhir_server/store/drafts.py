"""A resource on its way in, and its text once the store has stamped it.

https://hl7.org/fhir/R4/resource.html#Meta
"""

from dataclasses import dataclass
from typing import NamedTuple

from fhir_server.json import JsonObject, dumps
from fhir_server.store.rows import IndexRow, Method
from fhir_server.store.subscriptions.apart import Apart


@dataclass(frozen=True, slots=True)
class Draft:
    """A validated resource with the values it is found by; the store adds id, version and time.

    `fingerprint` is ingest's hash of the clinical content, by which a replay is told from a change. References under
    `base_url`, the server's own address, mean what relative ones do. A Subscription's has `apart` what it asks for.
    """

    type: str
    id: str
    tree: JsonObject
    index: IndexRow
    method: Method
    fingerprint: int | None = None
    base_url: str = ""
    apart: Apart | None = None


class Stamped(NamedTuple):
    """A resource's text around the place of `meta.lastUpdated`, which the database's clock fills."""

    head: bytes
    tail: bytes

    def at(self, instant: str) -> bytes:
        """The whole text, last updated at `instant`."""
        return self.head + instant.encode() + self.tail


_PLACE = b'"lastUpdated":"'


def stamped(draft: Draft, version: int) -> Stamped:
    """The text of `draft` as `version`: `resourceType`, `id` and `meta` first, the client's other `meta` kept."""
    meta = draft.tree.get("meta")
    stamp: JsonObject = {"versionId": str(version), "lastUpdated": ""}
    if isinstance(meta, dict):
        stamp |= {name: value for name, value in meta.items() if name not in stamp}
    tree: JsonObject = {"resourceType": draft.type, "id": draft.id, "meta": stamp}
    tree |= draft.tree
    tree["id"], tree["meta"] = draft.id, stamp
    head, place, tail = dumps(tree).partition(_PLACE)
    return Stamped(head + place, tail)
