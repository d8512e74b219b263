"""Files of Observations after the Personal Health Device guide: one, a Bundle of them, or one a line.

https://build.fhir.org/ig/HL7/phd/; docs/ingest.md, "Personal Health Device guide"
"""

import re
from collections.abc import Iterator
from typing import Final

from ingest.decoders import phd
from ingest.decoders.phd_bundle import phd_batch
from ingest.files.format import Contents, Format, Incoming, Origin, Unit
from ingest.files.records import is_json, records
from mappers.personal_health_observation import map_personal_health
from mappers.reading import Reading

_TYPE: Final = re.compile(rb'"resourceType"\s*:\s*"(?:Bundle|Observation)"')


class PhdBundle(Format):
    """Bundles and Observations as a personal health gateway sends them."""

    name: Final = "phd-bundle"

    def recognises(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the content says it
        """Whether it is JSON that names one of the two types near its beginning."""
        return is_json(head) and _TYPE.search(head) is not None

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """Each Observation as a unit."""
        return Contents(_units(file, origin))


def _units(file: Incoming, origin: Origin) -> Iterator[Unit]:
    for record in records(file.path, phd_batch):
        decoded = phd.decode(record.tree, origin.device, origin.received)
        readings = (decoded,) if isinstance(decoded, Reading) else ()
        yield Unit(
            readings,
            mapper=map_personal_health,
            where=record.where,
            issues=() if isinstance(decoded, Reading) else decoded,
            letter="phd",
            payload=record.payload,
            size=len(record.payload),
        )
