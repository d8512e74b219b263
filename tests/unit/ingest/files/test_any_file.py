"""Whatever a file holds, it is of no known format, or unreadable with words that say where, or its units are mapped or refused by name.

docs/ingest.md, "Files"; tests/data/broken-files
"""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from ingest.errors import UnreadableFile
from ingest.files.bringing import incoming, told_apart
from ingest.files.format import Origin, Unit
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext, Rejected
from mappers.profile import device_profile
from mappers.reading import Reading
from tests.unit.ingest.decoders.test_health_connect import HOUR, MOMENT
from tests.unit.ingest.decoders.test_omh import OWN_PASSES, point
from tests.unit.ingest.decoders.test_phd import observation

CORPUS = Path(__file__).parents[3] / "data" / "broken-files"
RECEIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGINS = ("pulse-oximeter", "phone", "ecg-monitor", "apap")
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
LONGEST = 2**24

RECORDS = {"weight": [MOMENT | {"weight": {"inKilograms": 70}}], "steps": [HOUR | {"count": 12}]}
BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": observation()}]}
READINGS = [{"timestamp": 1772366000 + n, "data": {"spo2": 97, "pulseRate": 70}} for n in range(3)]
SEEDS = {
    "readings.json": json.dumps(READINGS).encode(),
    "readings.ndjson": b"\n".join(json.dumps(each).encode() for each in READINGS),
    "points.json": json.dumps([point(*each) for each in OWN_PASSES[:4]]).encode(),
    "records.json": json.dumps(RECORDS).encode(),
    "bundle.json": json.dumps(BUNDLE).encode(),
}
SAID = st.binary(min_size=1, max_size=6) | st.sampled_from(
    [b"}", b"]", b",", b'"', b"null", b"-1", b"1e400", b"[[", b"\\u0000", b"true", b'{"x":']
)


def taken(path: Path, profile: str) -> list[str]:
    """What was said: of a unit `mapped` or the elements that are at fault, of a file why it cannot be read."""
    type = device_profile(profile)
    device = Device(1, "d1", "n1", profile, False, (), (), RECEIVED)
    brought = told_apart([incoming(path.name, path, LONGEST)])
    if brought.unknown:
        return ["unknown"]
    ((file, format),) = brought.readable
    said = []
    try:
        for unit in format.read(file, Origin(device, RECEIVED, UTC)).units:
            said.append(became(unit, MappingContext("p1", "d1", type, b"k" * 32)))
    except UnreadableFile as error:
        said.append(str(error))
    assert all(said)
    return said


def became(unit: Unit, context: MappingContext) -> str:
    results = [unit.mapper(reading, context) for reading in unit.readings]
    assert all(isinstance(each, Mapped | Rejected) for each in results)
    assert all(isinstance(each, Reading) for each in unit.readings)
    assert unit.readings or unit.issues
    found = [issue for each in results if isinstance(each, Rejected) for issue in each.issues]
    assert all(issue.text for issue in found)
    faults = [repr(issue.element) for issue in found]  # the name of a field may be empty
    assert all(issue.diagnostics for issue in unit.issues)
    return ", ".join([*faults, *(issue.element or issue.diagnostics for issue in unit.issues)]) or "mapped"


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
@pytest.mark.parametrize("profile", ORIGINS)
def test_a_broken_file_of_the_corpus_is_refused_in_words_and_soon(path, profile):
    started = time.process_time()
    said = taken(path, profile)

    assert said or path.stat().st_size == 0
    assert "mapped" not in said[-1:]
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", SEEDS)
@given(data=st.data())
@FUZZ
def test_a_file_of_messages_is_refused_or_mapped_wherever_it_breaks(tmp_path_factory, name, data):
    content = SEEDS[name]
    position = data.draw(st.integers(0, len(content)))
    if data.draw(st.booleans()):
        changed = content[:position]
    else:
        changed = content[:position] + data.draw(SAID) + content[position + data.draw(st.integers(0, 9)) :]
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(changed)

    for profile in ("phone", "pulse-oximeter"):
        taken(path, profile)


@given(data=st.data())
@settings(FUZZ, max_examples=25)
def test_a_dicom_file_is_refused_or_mapped_wherever_it_breaks(tmp_path_factory, data):
    content = Path(str(get_testdata_file("waveform_ecg.dcm", download=False))).read_bytes()
    position = data.draw(st.integers(132, 6000) | st.integers(132, len(content) - 1))
    said = data.draw(st.binary(min_size=1, max_size=8))
    path = tmp_path_factory.mktemp("any") / "ecg.dcm"
    path.write_bytes(content[:position] + said + content[position + len(said) :])
    taken(path, "ecg-monitor")


@given(
    content=st.binary(max_size=300),
    name=st.sampled_from(["a.edf", "a.hea", "a.csv", "a.json", "a", "STR.edf"]),
)
@FUZZ
def test_any_bytes_under_any_name_are_refused_or_mapped(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("any") / name
    with suppress(FileNotFoundError):
        path.write_bytes(content)
    for profile in ORIGINS:
        taken(path, profile)
