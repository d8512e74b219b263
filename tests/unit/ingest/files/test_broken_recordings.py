"""Whatever is wrong with a recording, it is refused as a file, or mapped: nothing else is raised."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import UnreadableFile
from ingest.files.format import Incoming, Origin
from ingest.files.formats import format_of
from ingest.ports import Device
from mappers.mapped import MappingContext
from mappers.profile import device_profile
from tests.data import wfdb_record
from tests.data.resmed_card import card
from tests.data.resmed_session import LEAK, RATE, Signal, events, session

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)
LEAD = Signal("ECG II", "mV", ("-3.2768", "3.2767"), (-32768, 32767), [-3, 0, 7, 5])
EDF = {
    "session": session([LEAK, RATE], checksums=False),
    "events": events([("+125.5", "14", "Obstructive apnea"), ("+9", "", "x")], resmed=False),
    "ecg": session([LEAD], checksums=False),
    "nights": card(),
}
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def taken(path: Path, profile: str, beside: dict[str, Path]) -> None:
    device = Device(
        1, "d1", "n1", profile, disabled=False, secrets=(), assignments=(), assignments_since=RECEIVED
    )
    brought = Incoming(path.name, path, path.stat().st_size, b"", beside)
    format = format_of(brought)
    if format is None:
        return
    list(format.parts(brought))
    context = MappingContext("p1", "d1", device_profile(profile), b"k" * 32)
    try:
        units = list(format.read(brought, Origin(device, RECEIVED, UTC)).units)
    except UnreadableFile:
        return
    for unit in units:
        for reading in unit.readings:
            unit.mapper(reading, context)


def mutated(content: bytes, data: st.DataObject) -> bytes:
    position = data.draw(st.integers(0, len(content) - 1))
    said = data.draw(
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.text("0123456789.-+e", min_size=1, max_size=8).map(str.encode),
            st.sampled_from([b"-1      ", b"99999999", b"nan     ", b"1e308", b"\x14", b"\x15", b"\0"]),
        )
    )
    return (content[:position] + said + content[position + len(said) :])[: len(content)]


@pytest.mark.parametrize("kind", EDF)
@given(data=st.data())
@FUZZ
def test_an_edf_file_is_refused_or_mapped(tmp_path_factory, kind, data):
    path = tmp_path_factory.mktemp("edf") / "file.edf"
    path.write_bytes(mutated(mutated(EDF[kind], data), data))
    taken(path, "ecg-monitor" if kind == "ecg" else "apap", {})


@given(data=st.data())
@FUZZ
def test_a_wfdb_record_is_refused_or_mapped(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("wfdb")
    head = mutated(mutated(wfdb_record.header().encode(), data), data)
    files = wfdb_record.written(folder, beats=mutated(wfdb_record.annotations(), data))
    files["r1.hea"].write_bytes(head)
    taken(files["r1.hea"], "ecg-monitor", {name: path for name, path in files.items() if name != "r1.hea"})
