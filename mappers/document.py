"""A file that a device wrote, kept as it is: a DocumentReference, with a Binary for each of its parts.

https://hl7.org/fhir/R4/documentreference.html
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mappers.identity import identifier_value, resource_id, time_part
from mappers.mapped import MappingContext, Resource
from mappers.occasion import instant
from mappers.times import DeviceTime
from terminology.service import Coding
from terminology.systems import MESSAGE_SHA256, READING_IDENTITY

DOCUMENT: Final = "document"
_LARGEST: Final = 2**31 - 1
"""The largest size that Attachment.size can state."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a document; `binary` are the members of a Binary that stand for its content."""

    name: str
    content_type: str
    size: int
    sha256: bytes
    sha1: bytes
    binary: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DocumentHead:
    """What is said of a document beside its parts: `dated` is when its content is from, the period what it tells of."""

    title: str
    type: Coding
    category: Coding | None
    dated: DeviceTime
    start: datetime | None
    end: datetime | None


def document_resources(
    head: DocumentHead, parts: Sequence[Part], context: MappingContext
) -> tuple[Resource, ...]:
    """The Binaries of `parts` in order, last the DocumentReference; equal parts give equal ids, whenever they are brought."""
    whole = hashlib.sha256(b"".join(part.sha256 for part in parts)).hexdigest()[:32]
    time = time_part(head.dated, None, whole)
    identifier = identifier_value(context.device_id, context.patient_id, DOCUMENT, time)
    milliseconds = head.dated.nanoseconds // 1_000_000
    id = resource_id(context.identity_key, milliseconds, identifier)
    binaries = [
        _binary(part, id, resource_id(context.identity_key, milliseconds, f"{identifier}_{number}"))
        for number, part in enumerate(parts)
    ]
    made: Resource = {
        "resourceType": "DocumentReference",
        "id": id,
        "identifier": [
            {"system": READING_IDENTITY, "value": identifier},
            {"system": MESSAGE_SHA256, "value": parts[0].sha256.hex()},
        ],
        "status": "current",
        "type": _concept(head.type),
        "subject": {"reference": f"Patient/{context.patient_id}"},
        "date": instant(head.dated.moment),
        "author": [{"reference": f"Device/{context.device_id}"}],
        "description": head.title,
        "content": [
            _content(part, str(each["id"]), head) for part, each in zip(parts, binaries, strict=True)
        ],
    }
    if head.category is not None:
        made["category"] = [_concept(head.category)]
    period = _period(head)
    if period:
        made["context"] = {"period": period}
    return (*binaries, made)


def _binary(part: Part, document: str, id: str) -> Resource:
    """R4 has the document stand for the Binary where access is decided."""
    return {
        "resourceType": "Binary",
        "id": id,
        "contentType": part.content_type,
        "securityContext": {"reference": f"DocumentReference/{document}"},
        **part.binary,
    }


def _content(part: Part, binary: str, head: DocumentHead) -> dict[str, object]:
    attachment: dict[str, object] = {
        "contentType": part.content_type,
        "url": f"Binary/{binary}",
        "hash": base64.b64encode(part.sha1).decode(),
        "title": part.name,
        "creation": head.dated.text,
    }
    if part.size <= _LARGEST:
        attachment["size"] = part.size
    return {"attachment": attachment}


def _concept(coding: Coding) -> dict[str, object]:
    found = {"system": coding.system, "code": coding.code}
    if coding.display is None:
        return {"coding": [found]}
    return {"coding": [{**found, "display": coding.display}], "text": coding.display}


def _period(head: DocumentHead) -> dict[str, str]:
    found = {"start": head.start, "end": head.end}
    return {name: _date_time(moment) for name, moment in found.items() if moment is not None}


def _date_time(moment: datetime) -> str:
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")
