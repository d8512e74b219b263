"""A load driver: a few keep-alive connections, one request at a time on each, as little client CPU as Python allows.

https://www.rfc-editor.org/rfc/rfc9112
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

CONNECTIONS = 8


@dataclass(slots=True)
class Load:
    """What a run of requests took: seconds in all, seconds of each, and how often each status came."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """The latency in milliseconds that `percent` of the requests stayed within."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of an HTTP/1.1 request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: bench",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def drive(port: int, requests: Iterator[bytes], connections: int = CONNECTIONS) -> Load:
    """Sends every request over `connections` at once; an answer is read whole before the next is sent."""
    load = Load()
    started = time.perf_counter()
    await asyncio.gather(*(_connection(port, requests, load) for _ in range(connections)))
    load.seconds = time.perf_counter() - started
    return load


async def pace(
    port: int,
    requests: Iterator[tuple[bytes, bytes]],
    per_second: float,
    begun: Callable[[bytes, float], None],
    answered: Callable[[bytes, float], None],
) -> Load:
    """Sends each request, which has a name, at its moment, however long those before it take."""
    load, sending = Load(), list[asyncio.Task[None]]()
    free = deque(
        [await _opened(port) for _ in range(CONNECTIONS)]
    )  # in turn, so that none idles until it is closed
    started = time.perf_counter()

    async def one(name: bytes, sent: bytes) -> None:
        client = free.popleft() if free else await _opened(port)
        now = time.perf_counter()
        begun(name, now)
        status = await client.exchange(sent)
        then = time.perf_counter()
        answered(name, then)
        load.latencies.append(then - now)
        load.statuses[status] = load.statuses.get(status, 0) + 1
        free.append(client)

    for number, (name, sent) in enumerate(requests):
        await asyncio.sleep(started + number / per_second - time.perf_counter())
        sending.append(asyncio.create_task(one(name, sent)))
    await asyncio.gather(*sending)
    load.seconds = time.perf_counter() - started
    for client in free:
        client.close()
    return load


async def _opened(port: int) -> "_Client":
    return (await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port))[1]


async def _connection(port: int, requests: Iterator[bytes], load: Load) -> None:
    client = await _opened(port)
    for sent in requests:
        begun = time.perf_counter()
        status = await client.exchange(sent)
        load.latencies.append(time.perf_counter() - begun)
        load.statuses[status] = load.statuses.get(status, 0) + 1
    client.close()


class _Client(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._received = bytearray()
        self._wanted = -1
        self._answer: asyncio.Future[int] | None = None

    def exchange(self, sent: bytes) -> "asyncio.Future[int]":
        self._answer = asyncio.get_running_loop().create_future()
        self._received.clear()
        self._wanted = -1
        self._transport.write(sent)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._wanted < 0:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            self._wanted = head + 4 + _content_length(bytes(self._received[:head]))
        if len(self._received) >= self._wanted:
            self._answer.set_result(int(self._received[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the server closed the connection"))

    def close(self) -> None:
        self._transport.close()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0
