import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest

from fhir_server.audit.record import Record
from fhir_server.errors import TooCostly, Unavailable
from fhir_server.rest.asgi import Message
from fhir_server.rest.streams import open_streams
from fhir_server.rest.streams.callers import Caller, Callers
from fhir_server.rest.streams.open_streams import Streams
from fhir_server.rest.streams.socket import Hearing, converse
from fhir_server.rest.streams.sse import COMMENT, event, send_events
from fhir_server.rest.streams.stream import MOST_BYTES, MOST_PARTS, Stream
from fhir_server.rest.trace import begin
from smart_auth.bearer import EveryoneLocal
from smart_auth.principal import Principal

ALICE = Caller(Principal("user:alice", frozenset(), "app", "alice"), b"alice's token")
BOB = Caller(Principal("user:bob", frozenset(), "app", "bob"), b"bob's token")


class Tokens:
    """Who holds which access token now."""

    def __init__(self, *holders: Caller) -> None:
        self.held = {one.token: one.principal for one in holders}
        self.asked: list[int] = []

    async def holders(self, asked: Any) -> list[Principal | None]:
        self.asked.append(len(asked))
        return [self.held.get(one) for one in asked]


class Audit:
    keeps = True

    def __init__(self) -> None:
        self.kept: list[Record] = []
        self.is_away = False

    async def keep(self, records: Any) -> None:
        if self.is_away:
            raise Unavailable("away")
        self.kept += records


def streams(tokens: Any = None, audit: Any = None, *, most: int = 10, each: int = 10) -> Streams:
    callers = Callers(EveryoneLocal(), tokens or Tokens(ALICE, BOB))
    return Streams(callers, audit or Audit(), most=most, most_each=each)


def stream() -> Stream:
    return Stream("test", lambda: COMMENT, None)


class Client:
    """The other end of an ASGI application: it reads what is sent until it hangs up."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.says: asyncio.Queue[Message] = asyncio.Queue()

    async def receive(self) -> Message:
        return await self.says.get()

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.sent.append(message)

    @property
    def text(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it is the fakes that change
            await asyncio.sleep(0)


def test_more_than_the_bound_of_parts_is_not_taken_from_whoever_offers_it() -> None:
    one = stream()

    taken = [one.offer(b"x") for _ in range(MOST_PARTS + 1)]

    assert taken == [True] * MOST_PARTS + [False]


def test_a_part_that_is_larger_than_the_bound_is_taken_when_nothing_waits_before_it() -> None:
    one = stream()

    assert one.offer(b"x" * (MOST_BYTES + 1))
    assert not one.offer(b"x")


async def test_a_part_that_must_not_be_left_out_waits_for_room_and_no_longer_than_the_stream() -> None:
    one = stream()
    one.offer(COMMENT)
    large = b"x" * MOST_BYTES
    putting = asyncio.create_task(one.put(large))
    await asyncio.sleep(0)

    assert await one.taken() == [COMMENT]
    assert await one.taken() == [large]
    await putting

    one.offer(COMMENT)
    putting = asyncio.create_task(one.put(large))
    await asyncio.sleep(0)
    one.end("slow")
    await putting


async def test_what_waits_is_not_sent_after_the_end() -> None:
    one = stream()
    one.offer(b"of somebody who may no longer be told")

    one.end("token")

    assert await one.taken() == []
    assert not one.offer(b"more")


async def test_all_that_waits_is_taken_at_once_and_then_nothing_waits() -> None:
    one = stream()
    one.offer(b"1")
    one.offer(b"2")

    assert await one.taken() == [b"1", b"2"]
    taking = asyncio.create_task(one.taken())
    await one.drained()
    one.offer(b"3")
    assert await taking == [b"3"]


async def test_a_caller_whose_token_was_revoked_is_told_nothing_more_and_the_others_go_on() -> None:
    tokens = Tokens(ALICE, BOB)
    every = streams(tokens)
    with (
        every.opened("test", beat=bytes, caller=ALICE) as first,
        every.opened("test", beat=bytes, caller=ALICE) as second,
        every.opened("test", beat=bytes, caller=BOB) as third,
    ):
        del tokens.held[ALICE.token]

        standing = await every.standing([first, second, third])

        assert standing == {third: BOB.principal}
        assert (first.ending, second.ending, third.ending) == ("token", "token", None)
        assert tokens.asked == [2]


def test_streams_beyond_the_bound_of_a_caller_are_refused_and_those_of_others_are_not() -> None:
    every = streams(each=1)
    with every.opened("test", beat=bytes, caller=ALICE):
        with pytest.raises(TooCostly), every.opened("test", beat=bytes, caller=ALICE):
            pass
        with every.opened("test", beat=bytes, caller=BOB):
            pass
    with every.opened("test", beat=bytes, caller=ALICE):
        pass


def test_streams_beyond_the_bound_of_the_worker_are_refused() -> None:
    every = streams(most=1)
    with (
        every.opened("test", beat=bytes),
        pytest.raises(TooCostly),
        every.opened("test", beat=bytes, caller=BOB),
    ):
        pass


def test_one_address_holds_not_all_the_places_of_strangers_and_gets_one_back_when_it_says_who_it_is() -> None:
    every = streams(most=80)
    with (
        every.opened("test", beat=bytes, address="a") as first,
        every.opened("test", beat=bytes, address="a"),
    ):
        with pytest.raises(TooCostly), every.opened("test", beat=bytes, address="a"):
            pass
        with every.opened("test", beat=bytes, address="b"):
            every.belongs(first, ALICE)
            with every.opened("test", beat=bytes, address="a"):
                pass


def test_clients_that_have_yet_to_prove_who_they_are_keep_nobody_else_out() -> None:
    every = streams(most=20)
    with (
        every.opened("test", beat=bytes, address="a") as first,
        every.opened("test", beat=bytes, address="b"),
    ):
        with pytest.raises(TooCostly), every.opened("test", beat=bytes, address="c"):
            pass
        with every.opened("test", beat=bytes, caller=ALICE):
            pass
        every.belongs(first, BOB)
        with every.opened("test", beat=bytes, address="c"):
            pass


async def test_the_end_of_a_stream_is_recorded_and_kept_until_it_can_be() -> None:
    audit = Audit()
    every = streams(audit=audit)
    began = Record("rest", "read", 0, name="GET /live", reason="200")
    with every.opened("test", beat=bytes, caller=ALICE, record=began) as one:
        one.end("slow")
    audit.is_away = True
    with suppress(Unavailable):
        await every.record()
    audit.is_away = False

    await every.record()

    assert audit.kept == [began._replace(name="GET /live ended", reason="slow")]


async def test_events_are_sent_until_the_stream_ends_and_then_why_it_did() -> None:
    client, one = Client(), stream()
    sending = asyncio.create_task(send_events(one, {"type": "http"}, client.receive, client.send))
    one.offer(event(b"{}", name="observation", id="7"))
    await until(lambda: b"observation" in client.text)

    one.end("shutdown")
    await sending

    lines = dict(client.sent[0]["headers"])
    assert lines[b"content-type"].startswith(b"text/event-stream")
    assert (lines[b"cache-control"], lines[b"x-accel-buffering"]) == (b"no-store", b"no")
    assert client.text == (
        b":\n\nid: 7\nevent: observation\ndata: {}\n\n"
        b'retry: 1000\nevent: end\ndata: {"reason":"shutdown"}\n\n'
    )
    assert client.sent[-1].get("more_body", False) is False


async def test_a_stream_ends_when_its_client_hangs_up() -> None:
    client, one = Client(), stream()
    client.says.put_nowait({"type": "http.request", "body": b""})
    client.says.put_nowait({"type": "http.disconnect"})

    await send_events(one, {"type": "http"}, client.receive, client.send)

    assert one.ending == "client"


async def test_a_failure_of_what_fills_a_stream_ends_it_and_is_not_hidden() -> None:
    client, one = Client(), stream()

    async def produce(_: Stream) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await send_events(one, {"type": "http"}, client.receive, client.send, produce)

    assert b'{"reason":"error"}' in client.text


async def test_a_request_that_becomes_a_stream_gives_back_its_place_among_requests() -> None:
    client, one, left = Client(), stream(), []
    scope: dict[str, Any] = {"type": "http"}
    begin(scope, "1").leave = lambda: left.append(True)
    sending = asyncio.create_task(send_events(one, scope, client.receive, client.send))
    await until(lambda: client.sent)

    assert left == [True]
    one.end("done")
    await sending


async def test_a_client_that_does_not_read_is_dropped_and_others_get_what_is_theirs() -> None:
    every, stuck, reading, dropped = streams(), Client(), Client(), asyncio.Event()

    async def serve(client: Client) -> None:
        scope = {"type": "http", "extensions": {"fhir_server.hang_up": dropped.set}}
        with every.opened("test", beat=bytes, caller=ALICE) as one:
            opened.append(one)
            await send_events(one, scope, client.receive, client.send)

    opened: list[Stream] = []
    serving = [asyncio.create_task(serve(client)) for client in (stuck, reading)]
    await until(lambda: len(opened) == 2 and reading.text and stuck.text)
    stuck.reads.clear()
    opened[0].offer(b"a")
    await until(lambda: not opened[0].waits)
    opened[0].offer(b"b")
    opened[1].offer(b"c")
    await until(lambda: b"c" in reading.text)

    every.look(time.monotonic() + open_streams.STALLED_SECONDS + 1)
    assert (opened[0].ending, opened[1].ending, dropped.is_set()) == ("slow", None, False)
    every.look(time.monotonic() + open_streams.HANG_UP_SECONDS + 1)

    assert dropped.is_set()
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


async def test_a_stream_on_which_nothing_was_sent_gets_a_heartbeat() -> None:
    every = streams()
    with every.opened("test", beat=lambda: COMMENT) as one:
        every.look(time.monotonic() + open_streams.BEAT_SECONDS - 1)
        assert not one.waits
        every.look(time.monotonic() + open_streams.BEAT_SECONDS + 1)

        assert await one.taken() == [COMMENT]


async def test_what_a_client_says_over_a_websocket_is_heard_and_what_is_offered_is_said() -> None:
    client, one = Client(), stream()
    for message in (
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hello"},
        {"type": "websocket.receive", "bytes": b"no text"},
    ):
        client.says.put_nowait(message)

    async def echo(to: Stream, hearing: Hearing) -> None:
        while (heard := await hearing.next()) is not None:
            to.offer(heard.encode())
            await to.drained()

    await converse(one, {"type": "websocket"}, client.receive, client.send, echo)

    assert [message["type"] for message in client.sent] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    assert client.sent[1]["text"] == "hello"
    assert (client.sent[2]["code"], client.sent[2]["reason"]) == (1008, "refused")


async def test_a_client_that_says_much_at_once_holds_up_nobody_else() -> None:
    async def receive() -> Message:
        return {"type": "websocket.receive", "text": "and"}

    hearing = Hearing(stream(), receive)
    other = asyncio.create_task(asyncio.sleep(0))
    for _ in range(10):
        assert await hearing.next() == "and"

    assert other.done()
    assert await hearing.next(within=0) is None


async def test_a_client_that_says_nothing_in_time_is_let_go() -> None:
    client, one = Client(), stream()
    client.says.put_nowait({"type": "websocket.connect"})

    async def wait(_: Stream, hearing: Hearing) -> None:
        assert await hearing.next(within=0.01) is None

    await converse(one, {"type": "websocket"}, client.receive, client.send, wait)

    assert client.sent[-1]["code"] == 1008
