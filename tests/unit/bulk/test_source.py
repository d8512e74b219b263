"""What files hold, resource by resource."""

import gzip

import pytest

from fhir_server.bulk.source import files, resources
from fhir_server.errors import OperatorError, RequestError

LINES = b'{"resourceType":"Patient","id":"a"}\n\n{"resourceType":"Patient","id":"b"}\n'


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_bytes(LINES)
    assert [(found.place, found.content["id"]) for found in resources(path)] == [
        (f"{path}:1", "a"),
        (f"{path}:3", "b"),
    ]


def test_reading_goes_on_after_what_is_done(tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_bytes(LINES)
    assert [found.ordinal for found in resources(path, after=1)] == [3]


def test_compressed_files_are_read(tmp_path):
    path = tmp_path / "x.ndjson.gz"
    path.write_bytes(gzip.compress(LINES))
    assert len(list(resources(path))) == 2


def test_a_compressed_file_that_ends_early_is_named(tmp_path):
    path = tmp_path / "x.ndjson.gz"
    path.write_bytes(gzip.compress(LINES)[:-12])
    with pytest.raises(OperatorError, match=r"x\.ndjson\.gz"):
        list(resources(path))


def test_a_line_that_is_no_json_does_not_stop_the_others(tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"{oops\n" + LINES)
    kinds = [isinstance(found.content, RequestError) for found in resources(path)]
    assert kinds == [True, False, False]


def test_a_file_without_a_telling_name_is_looked_into(tmp_path):
    lines, document = tmp_path / "lines", tmp_path / "document"
    lines.write_bytes(LINES)
    document.write_bytes(b'{\n "resourceType": "Patient", "id": "a"\n}\n')
    assert len(list(resources(lines))) == 2
    assert [found.content["id"] for found in resources(document)] == ["a"]


def test_a_bundle_is_taken_entry_by_entry_and_decimals_keep_their_digits(tmp_path):
    path = tmp_path / "bundle.json"
    path.write_text(
        '{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"a"}},'
        '{"resource":{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.00}}}]}'
    )
    first, second = resources(path)
    assert second.place == f"{path}: Bundle.entry[1]"
    assert bytes(second.content["valueQuantity"]["value"]) == b"1.00"
    assert first.content["id"] == "a"


def test_a_folder_stands_for_its_files_and_nothing_to_load_is_an_error(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("deep/a.json", "b.ndjson", "c.txt"):
        (tmp_path / name).write_text("{}")
    assert [path.name for path in files([tmp_path])] == ["b.ndjson", "a.json"]
    with pytest.raises(OperatorError, match="neither a file nor a folder"):
        files([tmp_path / "gone"])
