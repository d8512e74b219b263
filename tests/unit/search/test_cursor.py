"""The sealed place where a page ended."""

from datetime import UTC, datetime

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.cursor import Cursor, seal, unseal
from fhir_server.search.order import Position

KEY = bytes(range(32))
CURSOR = Cursor(
    (("patient", "p1"), ("code", "http://loinc.org|8867-4")),
    datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    Position(("2026-01-01 00:00:00+00", None), 7),
)


def test_a_cursor_comes_back_as_it_was():
    assert unseal(KEY, "me", "Observation", seal(KEY, "me", "Observation", CURSOR)) == CURSOR


def test_a_long_query_fits():
    long = Cursor((("_id", ",".join(f"id-{n}" for n in range(250))),), CURSOR.asked_at, Position((None,), 1))

    assert unseal(KEY, "me", "Observation", seal(KEY, "me", "Observation", long)) == long


def test_the_same_place_is_never_sealed_to_the_same_text():
    assert seal(KEY, "me", "Observation", CURSOR) != seal(KEY, "me", "Observation", CURSOR)


@pytest.mark.parametrize("position", range(0, 200, 7))
def test_a_changed_character_is_noticed(position):
    text = seal(KEY, "me", "Observation", CURSOR)
    changed = text[:position] + ("A" if text[position : position + 1] != "A" else "B") + text[position + 1 :]

    with pytest.raises(InvalidSearch, match="_cursor"):
        unseal(KEY, "me", "Observation", changed)


@pytest.mark.parametrize(
    ("key", "subject", "type"),
    [(bytes(32), "me", "Observation"), (KEY, "you", "Observation"), (KEY, "me", "Patient")],
    ids=["another key", "another caller", "another type"],
)
def test_a_cursor_is_of_one_server_one_caller_and_one_type(key, subject, type):
    with pytest.raises(InvalidSearch, match="_cursor"):
        unseal(key, subject, type, seal(KEY, "me", "Observation", CURSOR))
