"""Files of what devices and phones also send as requests: readings, Open mHealth data points, Health Connect records.

docs/ingest.md, "The reading", "Open mHealth", "Health Connect"
"""

import re
from collections.abc import Iterator
from typing import Final

from ingest.decoders.batch import json_batch, named_batch
from ingest.decoders.health_connect_types import RECORD_TYPES
from ingest.decoders.reading import Series
from ingest.files.format import Contents, Format, Incoming, Origin, Unit
from ingest.files.records import Batches, is_json, records
from ingest.pipeline import decoder
from ingest.ports import LetterFormat
from mappers.reading import Reading

_RECORD_TYPE: Final = re.compile(
    rb'\s*\{\s*"(?:%s)"\s*:' % b"|".join(name.encode() for name in RECORD_TYPES), re.IGNORECASE
)


class Readings(Format):
    """Readings in this server's own form; any JSON that no other format claims, so it stands after those."""

    name: Final = "readings"

    def recognises(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content says it
        """Whether it is JSON and no FHIR resource."""
        return is_json(head) and b'"resourceType"' not in head

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """Each reading as a unit."""
        return Contents(_units(file, origin, "reading", json_batch))


class OpenMHealth(Format):
    """Open mHealth data points."""

    name: Final = "open-mhealth"

    def recognises(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - as above
        """Whether a header with a schema stands near the beginning."""
        return is_json(head) and b'"schema_id"' in head and b'"header"' in head

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """Each data point as a unit."""
        return Contents(_units(file, origin, "omh", json_batch))


class HealthConnect(Format):
    """Health Connect records by the name of their type, as they are synchronised."""

    name: Final = "health-connect"

    def recognises(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - as above
        """Whether the first member is the name of a type of record."""
        return _RECORD_TYPE.match(head) is not None

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """Each record as a unit."""
        return Contents(_units(file, origin, "health-connect", named_batch))


def _units(file: Incoming, origin: Origin, letter: LetterFormat, batches: Batches) -> Iterator[Unit]:
    decode = decoder(letter, origin.device)
    for record in records(file.path, batches):
        decoded = decode(record.tree, origin.device, origin.received)
        readings: tuple[Reading, ...] = ()
        issues = decoded if isinstance(decoded, tuple) else ()
        if not isinstance(decoded, tuple):
            readings = decoded.readings if isinstance(decoded, Series) else (decoded,)
        yield Unit(
            readings,
            where=record.where,
            issues=issues,
            letter=letter,
            payload=record.payload,
            size=len(record.payload),
        )
