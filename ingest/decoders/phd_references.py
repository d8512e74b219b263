"""Whom and what an Observation of a Bundle refers to: by id, by identifier, or by an entry that came with it.

https://hl7.org/fhir/R4/bundle.html#references
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ingest.decoders.members import Members

Tree: TypeAlias = dict[str, object]
Referred: TypeAlias = Mapping[str, Tree]
"""Resources that came along, by each text that a reference may call them."""

BUNDLE_TYPES: Final = ("transaction", "batch", "collection")
_TIME_STAMP: Final = "http://hl7.org/fhir/uv/phd/StructureDefinition/PhdCoincidentTimeStampObservation"


@dataclass(frozen=True, slots=True)
class Named:
    """What is referred to: its type and id as far as they are said, and every name it goes by."""

    type: str | None = None
    id: str | None = None
    names: tuple[str, ...] = ()


def referred(bundle: Tree) -> tuple[Tree | None, Referred]:
    """The only measurement of the Bundle, None where there is not exactly one, and what else is in it.

    A coincident time stamp is one where nothing else is.
    """
    others: dict[str, Tree] = {}
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") not in BUNDLE_TYPES:
        return None, others
    measurements: list[Tree] = []
    time_stamps: list[Tree] = []
    for url, resource in entries(bundle):
        if resource.get("resourceType") == "Observation":
            (time_stamps if is_time_stamp(resource) else measurements).append(resource)
        others |= dict.fromkeys(called(url, resource), resource)
    found = measurements or time_stamps
    return (found[0] if len(found) == 1 else None), others


def is_time_stamp(resource: Mapping[str, object]) -> bool:
    """Whether the resource claims to say what the device's clock said at a time of the gateway's."""
    meta = resource.get("meta")
    claimed = meta.get("profile") if isinstance(meta, dict) else None
    return isinstance(claimed, list) and _TIME_STAMP in claimed


def entries(bundle: Tree) -> Iterator[tuple[str | None, Tree]]:
    """The `fullUrl` and resource of each entry that has one."""
    sent = bundle.get("entry")
    for entry in sent if isinstance(sent, list) else ():
        if isinstance(entry, dict) and isinstance(resource := entry.get("resource"), dict):
            url = entry.get("fullUrl")
            yield url if isinstance(url, str) else None, resource


def called(url: str | None, resource: Tree) -> Iterator[str]:
    """The texts by which a reference may mean the resource."""
    if url is not None:
        yield url
    type, id = resource.get("resourceType"), resource.get("id")
    if isinstance(type, str) and isinstance(id, str):
        yield f"{type}/{id}"


def names(reference: Members | None, others: Referred) -> Named:
    """What `reference` names; nothing of None."""
    if reference is None:
        return Named()
    text, type = reference.text("reference"), reference.text("type")
    reference.value("display")
    identifier = reference.object("identifier")
    more = () if identifier is None else tuple(_values([identifier.tree]))
    if text is None:
        return Named(type, None, more)
    if (found := others.get(text)) is not None:
        return _of_resource(found, more)
    parts = text.split("/")
    if len(parts) < 2 or ":" in parts[-1]:
        return Named(type, None, more)
    return Named(parts[-2], parts[-1], (parts[-1], *more))


def _of_resource(resource: Tree, more: tuple[str, ...]) -> Named:
    type, id = resource.get("resourceType"), resource.get("id")
    known = (id,) if isinstance(id, str) else ()
    identifiers = resource.get("identifier")
    values = tuple(_values(identifiers if isinstance(identifiers, list) else []))
    return Named(str(type), known[0] if known else None, (*known, *values, *more))


def _values(identifiers: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for each in identifiers:
        if isinstance(each, dict) and isinstance(value := each.get("value"), str):
            yield value
