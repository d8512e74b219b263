import pytest

from ingest.decoders.batch import elements, json_batch, ndjson_batch
from ingest.errors import TooLarge, Unreadable
from ingest.issue import Issue


def is_issue(batch):
    return [isinstance(item, Issue) for item in batch.items]


def test_one_object_is_one_reading_with_its_own_bytes():
    batch = json_batch(b' {"a": 1.50} ', 10)
    assert str(batch.items[0]["a"]) == "1.50"
    assert batch.raw(0) == b' {"a": 1.50} '


def test_an_array_keeps_each_readings_bytes_as_they_came():
    batch = json_batch(b'[ {"a": [1, 2]}, {"b": "},]\\"["},{} ]', 10)
    assert [batch.raw(number) for number in range(3)] == [b'{"a": [1, 2]}', b'{"b": "},]\\"["}', b"{}"]


@pytest.mark.parametrize(
    "broken",
    [b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": }', b'{"a": "\\u0000"}', b'{"a": "\xff"}', b'"text"'],
)
def test_one_broken_reading_of_an_array_spoils_no_other(broken):
    batch = json_batch(b'[{"a": 1}, ' + broken + b', {"b": 2}]', 10)
    assert is_issue(batch) == [False, True, False]
    assert batch.raw(1) == broken


def test_a_broken_line_spoils_no_other_and_empty_lines_count_for_nothing():
    batch = ndjson_batch(b'{"a": 1}\r\n\n{"b":\n{"c": 3}\n', 10)
    assert is_issue(batch) == [False, True, False]
    assert batch.raw(1) == b'{"b":'


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[{]", b"hello", b"[1, 2", b'{"a": 1, "a": 2', b"[" * 500, b"\x00"]
)
def test_a_body_that_is_no_json_at_all_is_unreadable(body):
    try:
        batch = json_batch(body, 10)
    except Unreadable:
        return
    assert all(is_issue(batch))


@pytest.mark.parametrize("make", [lambda n: json_batch(b"[" + b",".join([b"{}"] * n) + b"]", 3)])
def test_more_readings_than_the_limit_are_refused(make):
    assert len(make(3).items) == 3
    with pytest.raises(TooLarge, match="at most 3"):
        make(4)


def test_more_lines_than_the_limit_are_refused():
    with pytest.raises(TooLarge, match="at most 2"):
        ndjson_batch(b"{}\n{}\n{}\n", 2)


def test_an_empty_array_has_no_elements():
    assert list(elements(b"[ ]")) == []
    assert json_batch(b"[]", 3).items == ()
