"""The sealed place where a page ended."""

from datetime import UTC, datetime

import pytest

from fhir_server.errors import Forbidden, InvalidSearch
from fhir_server.search.cursor import Cursor, seal, unseal
from fhir_server.search.order import Position
from fhir_server.search.seal import Seal

KEY = bytes(range(32))
MINE = Seal(KEY, "me", "Observation")
CURSOR = Cursor(
    (("patient", "p1"), ("code", "http://loinc.org|8867-4")),
    datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    Position(("2026-01-01 00:00:00+00", None), 7),
)


def test_a_cursor_comes_back_as_it_was():
    assert unseal(MINE, seal(MINE, CURSOR)) == CURSOR


def test_the_same_place_is_never_sealed_to_the_same_text():
    assert seal(MINE, CURSOR) != seal(MINE, CURSOR)


@pytest.mark.parametrize("position", [*range(0, 180, 7), -1])
def test_a_changed_character_is_noticed(position):
    text = seal(MINE, CURSOR)
    place = position % len(text)
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]

    for other in (changed, f"{text}A", f"{text}=", f"{text[:place]}!{text[place:]}"):
        with pytest.raises(InvalidSearch, match="_cursor"):
            unseal(MINE, other)


@pytest.mark.parametrize(
    "by",
    [
        Seal(bytes(32), "me", "Observation"),
        Seal(KEY, "me", "Patient/1/Observation"),
    ],
    ids=["another key", "another path"],
)
def test_a_cursor_is_of_one_server_and_one_path(by):
    with pytest.raises(InvalidSearch, match="not one of ours"):
        unseal(by, seal(MINE, CURSOR))


def test_a_cursor_is_of_one_caller():
    with pytest.raises(Forbidden, match="another caller"):
        unseal(Seal(KEY, "you", "Observation"), seal(MINE, CURSOR))


def test_what_else_was_sealed_is_no_cursor():
    with pytest.raises(InvalidSearch, match="not one of ours"):
        unseal(MINE, MINE.close(b"\x00\x01"))


def test_a_cursor_of_another_release_is_refused():
    with pytest.raises(InvalidSearch, match="another release"):
        unseal(MINE, MINE.close(b"[1]"))
