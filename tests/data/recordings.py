"""What recordings in files become: a WFDB record, the sessions and events of a ResMed card, an ECG in EDF.

docs/ingest.md, "Recordings"
"""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ingest.files.format import Incoming, Origin
from ingest.files.formats import format_of
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext, Resource
from mappers.profile import device_profile
from tests.data import wfdb_record
from tests.data.resmed_session import LEAK, PULSE, RATE, Signal, events, session

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)
_LEAD = Signal("ECG V2", "mV", ("-3.2768", "3.2767"), (-32768, 32767), [-3, 0, 7, 5])
_CARD = {
    "PLD.edf": session([LEAK, RATE]),
    "SAD.edf": session([PULSE]),
    "EVE.edf": events([("+125.5", "14", "Obstructive apnea"), ("+300", "0", "Arousal")]),
}


def recordings() -> Iterator[tuple[str, Resource]]:
    """Every resource, and the file that it was made of."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = wfdb_record.written(folder)
        header = files.pop("r1.hea")
        yield from _made(Incoming("r1.hea", header, header.stat().st_size, b"", files), "ecg-monitor")
        for file, content in _CARD.items():
            yield from _made(_incoming(folder / file, content), "apap")
        lead = session([_LEAD], seconds="1", checksums=False)
        yield from _made(_incoming(folder / "ecg.edf", lead), "ecg-monitor")


def _incoming(path: Path, content: bytes) -> Incoming:
    path.write_bytes(content)
    return Incoming(path.name, path, len(content), b"")


def _made(file: Incoming, profile: str) -> Iterator[tuple[str, Resource]]:
    device = Device(
        1, "d1", "dev-1", profile, disabled=False, secrets=(), assignments=(), assignments_since=RECEIVED
    )
    format = format_of(file)
    assert format is not None
    for unit in format.read(file, Origin(device, RECEIVED, UTC)).units:
        mapped = unit.mapper(unit.readings[0], MappingContext("p1", "d1", device_profile(profile), b"k" * 32))
        assert isinstance(mapped, Mapped), mapped
        for resource in mapped.resources:
            yield file.name, resource
