"""Which format a file is taken for: by its content, and only a table by its name."""

import pytest

from ingest.files.format import Incoming
from ingest.files.formats import format_of


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.json", b'{"resourceType": "Bundle", "type": "batch"}', "phd-bundle"),
        ("a.json", b'[1]\n{"resourceType":"Patient"}', None),
        ("lines", b'{"resourceType" : "Observation"}\n{"resourceType":"Observation"}', "phd-bundle"),
        ("a.json", b'{"timestamp": 1, "data": {}}', "readings"),
        ("a.csv", b"Time,SpO2\n", "table"),
        ("A.TSV", b"Time\tSpO2\n", "table"),
        ("a.csv", b"\x00\x01", None),
        ("a.bin", b"Time,SpO2\n", None),
        ("a.csv", b'{"timestamp": 1, "data": {}}', "readings"),
    ],
)
def test_a_file_is_taken_for_what_it_holds(name, content, format, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    found = format_of(Incoming(name, path, len(content), b"h" * 32))

    assert (found.name if found else None) == format
