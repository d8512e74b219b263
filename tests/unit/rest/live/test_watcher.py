import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from fhir_server.rest.live import told
from fhir_server.rest.live.position import Position, Positions
from fhir_server.rest.live.states import news
from fhir_server.rest.live.watcher import Watcher
from fhir_server.rest.streams.stream import MOST_PARTS, Stream

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def watcher(kind: str = told.SSE) -> Watcher:
    return Watcher(Stream(kind, lambda: b"", None), "p1", "http://server.example/fhir")


async def test_a_client_that_does_not_read_is_told_later_since_when_it_missed_something() -> None:
    slow = watcher()
    for _ in range(MOST_PARTS):
        assert slow.tell([b"x"], NOON)

    assert not slow.tell([b"x"], NOON + timedelta(seconds=2))
    assert not slow.tell([b"x"], NOON + timedelta(seconds=1))
    assert not slow.catch_up()
    assert len(await slow.stream.taken()) == MOST_PARTS
    assert not slow.tell([b"not before it knows that something is missing"], NOON + timedelta(seconds=3))
    assert slow.catch_up()

    (part,) = await slow.stream.taken()
    search = urlsplit(json.loads(part.decode().split("data: ")[1])["search"])
    assert part.startswith(b"event: missed\n")
    assert search.path == "/fhir/Observation"
    assert parse_qs(search.query) == {"patient": ["p1"], "_lastUpdated": ["ge2026-01-02T12:00:01.000Z"]}
    assert slow.tell([b"y"], NOON)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (
            told.SSE,
            [b'event: observation\ndata: {"a":1}\n\nid: 7\nevent: observation\ndata: {"b":2}\n\n'],
        ),
        (
            told.SOCKET,
            [b'{"event":"observation","a":1}', b'{"event":"observation","id":"7","b":2}'],
        ),
    ],
)
def test_the_position_comes_with_the_last_event_of_those_committed_together(
    kind: str, parts: list[bytes]
) -> None:
    assert told.parts(kind, [b'{"a":1}', b'{"b":2}'], "7") == parts


def test_a_position_is_read_by_any_process_with_the_key_and_by_nobody_else() -> None:
    here, elsewhere, foreign = Positions(b"k" * 32), Positions(b"k" * 32), Positions(b"x" * 32)
    position = Position("10:12:10,11", NOON)

    text = here.text(position)

    assert elsewhere.read(text) == position
    assert foreign.read(text) is None
    assert [here.read(other) for other in (text[:-2], "", "ünlesbar", "x" * 5_000)] == [None] * 4
    assert "10:12" not in text


def test_of_devices_only_what_changed_is_news_and_being_seen_again_is_not() -> None:
    first = {"device": "Device/1", "connection": "connected", "last_seen": "12:00"}
    other = {"device": "Device/2", "connection": "never", "last_seen": None}
    later, silent = {**first, "last_seen": "12:01"}, {**first, "connection": "silent"}

    assert news(None, {"1": first}) == [first]
    assert news({"1": first}, {"1": later}) == []
    assert news({"1": later}, {"1": silent, "2": other}) == [silent, other]
    assert news({"1": first, "2": other}, {"1": first}) == [
        {"device": "Device/2", "connection": "removed", "last_seen": None}
    ]
