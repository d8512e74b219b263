"""Those to whom events are sent: Server-Sent Events, WebSockets, and an endpoint for rest-hooks, with little CPU of their own.

https://html.spec.whatwg.org/multipage/server-sent-events.html; https://www.rfc-editor.org/rfc/rfc6455
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import ClientConnection, connect

from tests.benchmarks.driver import request
from tests.benchmarks.ledger import Ledger

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_KEPT = 2_000
_AT_ONCE = 50
"""Connections that are opened at the same time."""


@asynccontextmanager
async def event_streams(port: int, asked: Iterable[tuple[str, str]], ledger: Ledger) -> AsyncIterator[None]:
    """A client of each path, with a token, while the block runs, all connected; what arrives goes into the ledger."""
    loop, opening, opened = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE), list[_Events]()

    async def one(path: str, token: str) -> None:
        async with opening:
            _, client = await loop.create_connection(lambda: _Events(path, token, ledger), "127.0.0.1", port)
            opened.append(client)
            await asyncio.wait_for(client.connected, 60)

    try:
        await asyncio.gather(*(one(*each) for each in asked))
        yield
    finally:
        for client in opened:
            client.close()
        await asyncio.gather(*(client.closed for client in opened))


class _Events(asyncio.Protocol):
    def __init__(self, path: str, token: str, ledger: Ledger) -> None:
        self._path, self._ledger, self._text = path, ledger, b""
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        self.connected, self.closed = (asyncio.get_running_loop().create_future() for _ in range(2))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(request("GET", self._path, self._headers))

    def data_received(self, data: bytes) -> None:
        if not self.connected.done():
            if not data.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"{self._path} is answered with {data[:500]!r}")
            self.connected.set_result(None)
        whole, end, rest = (self._text + data).rpartition(b"\n\n")
        self._text = rest
        if end:
            self._ledger.arrive(whole)
            self._ledger.missed += whole.count(b"event: missed") + whole.count(b"event: gap")

    def connection_lost(self, error: Exception | None) -> None:
        if not self.connected.done():
            self.connected.set_exception(error or ConnectionError(f"{self._path} was closed"))
        self.closed.set_result(None)

    def close(self) -> None:
        self._transport.close()


@asynccontextmanager
async def web_sockets(port: int, asked: Iterable[tuple[str, str]], ledger: Ledger) -> AsyncIterator[None]:
    """A WebSocket at each path, after its first message was answered, while the block runs."""
    opening, opened, reading = (
        asyncio.Semaphore(_AT_ONCE),
        list[ClientConnection](),
        list[asyncio.Task[None]](),
    )

    async def one(path: str, first: str) -> None:
        async with opening:
            socket = await connect(f"ws://127.0.0.1:{port}{path}", compression=None, max_size=None)
            opened.append(socket)
            await socket.send(first)
            ledger.arrive(await asyncio.wait_for(socket.recv(decode=False), 60))
        reading.append(asyncio.create_task(_read(socket, ledger)))

    try:
        await asyncio.gather(*(one(*each) for each in asked))
        yield
    finally:
        await asyncio.gather(*(socket.close() for socket in opened))
        await asyncio.gather(*reading)


async def _read(socket: ClientConnection, ledger: Ledger) -> None:
    async for message in socket:
        ledger.arrive(message if isinstance(message, bytes) else message.encode())


class Endpoint:
    """What rest-hooks are sent to: each request is answered with 200 once `open` is set; `bodies` has the first that tell of events."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.requests = self.events = 0
        self.bodies: list[bytes] = []
        self.open = asyncio.Event()
        self.open.set()
        self._connections: set[_Taking] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """The port while the block runs."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Taking(self), "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connection in list(self._connections):
                connection.close()

    def taken(self, body: bytes) -> None:
        """Nothing; the body is one that arrived."""
        self.requests += 1
        self.ledger.arrive(body)
        events = body.count(b'"notification-event"')
        self.events += events
        if events and len(self.bodies) < _KEPT:
            self.bodies.append(body)


class _Taking(asyncio.Protocol):
    """A connection to the endpoint, on which one request comes after the other."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint, self._received = endpoint, bytearray()
        self._waiting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._endpoint._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        end = head + 4 + _length(bytes(self._received[:head]))
        if len(self._received) < end:
            return
        body = bytes(self._received[head + 4 : end])
        del self._received[:end]
        self._endpoint.taken(body)
        if self._endpoint.open.is_set():
            self._transport.write(_OK)
        else:
            self._waiting = asyncio.create_task(self._answer_later())

    def connection_lost(self, error: Exception | None) -> None:
        self._endpoint._connections.discard(self)

    def close(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._transport.close()

    async def _answer_later(self) -> None:
        await self._endpoint.open.wait()
        with suppress(OSError):
            self._transport.write(_OK)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0
