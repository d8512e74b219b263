"""The records of JSON files, one text or a line each."""

import pytest

from ingest.decoders.batch import named_batch
from ingest.errors import UnreadableFile
from ingest.files.records import records


@pytest.fixture
def read(tmp_path):
    def found(text, **how):
        path = tmp_path / "a"
        path.write_text(text)
        return [(each.tree, each.payload.strip(), each.where) for each in records(path, **how)]

    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', [({"a": 1}, b'{"a": 1}', "the record")]),
        ('{\n"a": 1}\n', [({"a": 1}, b'{\n"a": 1}', "the record")]),
        ('[{"a": 1}, {"b": 2}]', [({"a": 1}, b'{"a": 1}', "record 1"), ({"b": 2}, b'{"b": 2}', "record 2")]),
        ('{"a": 1}\n\n{"b": 2}', [({"a": 1}, b'{"a": 1}', "line 1"), ({"b": 2}, b'{"b": 2}', "line 3")]),
        ("[]", []),
    ],
)
def test_each_record_comes_with_its_bytes_and_place(read, text, found):
    assert read(text) == found


def test_records_by_the_name_of_their_type_are_told_apart(read):
    text = '{"steps": [{"a": 1}, {"b": 2}]}\n{"weight": [{}]}'
    assert [(payload, where) for _, payload, where in read(text, batches=named_batch)] == [
        (b'{"steps":[{"a": 1}]}', "line 1, record 1"),
        (b'{"steps":[{"b": 2}]}', "line 1, record 2"),
        (b'{"weight":[{}]}', "line 2"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1}\n{"b": 2}\n{"c', r"^line 3 \(from byte 18 on\) is broken: EOF .* at column 3"),
        ('{"a": 1}\n[1]', r"^line 2 is broken: The reading is not a JSON object"),
        ('[{"a": 1}, 2]', r"^record 2 is broken: The reading is not"),
        ('[{"a": 1}', r"^the file is broken: EOF"),
        ("", r"^the file is broken"),
        ('{"a": 1, "a": 2}', r"^the file is broken: .*a"),
        ('{"a": "\\u0000"}', r"^the file is broken: it holds the character U\+0000"),
    ],
)
def test_a_broken_record_is_named_by_its_place(read, text, said):
    with pytest.raises(UnreadableFile, match=said):
        read(text)


def test_what_stands_before_a_broken_line_is_given_first(tmp_path):
    path = tmp_path / "a"
    path.write_text('{"a": 1}\n{"b')
    found = records(path)
    assert next(found).tree == {"a": 1}
    with pytest.raises(UnreadableFile):
        next(found)
