"""A file kept as a document beside what was read of it, and the Observations that derive from it.

https://hl7.org/fhir/R4/observation-definitions.html#Observation.derivedFrom
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from ingest.files.format import Document, Incoming, Origin, Unit
from ingest.issue import Issue
from ingest.pipeline import Planned, Sent, assigned_patient, short_fingerprint
from ingest.ports import Device, KeptFiles
from ingest.sink import Draft, Group
from mappers.document import DocumentHead, Part, document_resources
from mappers.mapped import MappingContext
from mappers.provenance import Measured
from mappers.times import from_datetime

ITSELF: Final = Unit((), where="the file itself")
"""The unit that the document is among those of its file."""

_PART: Final = "application/octet-stream"


class Kept(NamedTuple):
    """What is to be stored of the document; `patient` is whose it is, and `reference` what refers to it."""

    planned: Planned
    patient: str = ""
    reference: str = ""


async def kept(
    files: KeptFiles,
    document: Document,
    file: Incoming,
    parts: Sequence[str],
    origin: Origin,
    device: Device,
    sent: Sent,
    identity_key: bytes,
) -> Kept:
    """The document that `file` is, with the files that are `parts` of it, its contents kept for good.

    Where the device was nobody's, or no time is known to say whose it was, there are issues and no document.
    """
    dated = document.start or origin.start or document.dated
    if dated is None:
        return Kept(((_undated(),), ()))
    patient = assigned_patient(device.assignments, dated)
    if patient is None:
        return Kept(((_unassigned(dated),), ()))
    context = sent.contexts.get(patient) or MappingContext(patient, device.id, device.type, identity_key)
    time = from_datetime(dated, digits=3 if dated.microsecond else 0)
    head = DocumentHead(
        document.title, document.type, document.category, time, document.start or origin.start, document.end
    )
    found = [await _part(files, file.bare_name, document.content_type, file.path)]
    found += [await _part(files, name, _PART, file.beside[name]) for name in sorted(parts)]
    resources = document_resources(head, found, context)
    drafts = tuple(Draft(each, short_fingerprint(each)) for each in resources)
    group = Group(drafts, sent.message, Measured(time, time))
    return Kept((group, ()), patient, f"DocumentReference/{resources[-1]['id']}")


def derived(planned: Planned, document: Kept) -> Planned:
    """`planned` with its Observations derived from the document, so far as they are of the same patient."""
    work, said = planned
    if not isinstance(work, Group) or not document.reference:
        return planned
    return replace(work, drafts=tuple(_derived(draft, document) for draft in work.drafts)), said


def _derived(draft: Draft, document: Kept) -> Draft:
    resource = draft.resource
    subject = {"reference": f"Patient/{document.patient}"}
    if resource["resourceType"] != "Observation" or resource.get("subject") != subject:
        return draft
    before = resource.get("derivedFrom")
    others = before if isinstance(before, list) else []
    return replace(draft, resource={**resource, "derivedFrom": [*others, {"reference": document.reference}]})


async def _part(files: KeptFiles, name: str, content_type: str, path: Path) -> Part:
    sha256, sha1, size = await asyncio.to_thread(_hashes, path)
    return Part(name, content_type, size, sha256, sha1, await files.keep(path, size))


def _hashes(path: Path) -> tuple[bytes, bytes, int]:
    """The SHA-256, the SHA-1 that R4 has an Attachment state, and the size."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
        size = file.seek(0, 2)
        file.seek(0)
        sha1 = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).digest()
    return sha256, sha1, size


def _undated() -> Issue:
    return Issue("required", "The file does not say when it is from. Say when with `start`.", "start")


def _unassigned(moment: datetime) -> Issue:
    text = (
        f"The device was assigned to no patient at {moment.isoformat()}. Record a DeviceUseStatement with that time in "
        "its timingPeriod, or say whose it is, and bring the file again."
    )
    return Issue("business-rule", text, "patient")
