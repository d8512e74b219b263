"""How soon events reach those who subscribed, how many go through rest-hooks, and how fast a backlog is numbered.

docs/performance.md, "Subscriptions"
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import count, islice
from typing import Final

from tests.benchmarks import content, fill, live, records, subscribed
from tests.benchmarks.content import Device
from tests.benchmarks.driver import Load, drive, request
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.listeners import Endpoint, event_streams, web_sockets
from tests.benchmarks.processes import TOKEN, Server
from tests.benchmarks.subscribed import rest_hook, subscribe, subscription, unsubscribe, web_socket
from tests.benchmarks.table import Report

ON_LOOPBACK: Final = {"FHIR_OUTBOUND_ALLOW": '["127.0.0.0/8"]', **live.MOST}
EVENTS: Final = 5_000
BACKLOG: Final = 100_000
_BATCH: Final = 200
_PATIENCE: Final = 20.0

_Channel = Callable[[int], dict[str, object]]


async def measure(running: Server, report: Report, scale: int) -> None:
    """How soon events come through each channel, how many through rest-hooks, and how many from a backlog."""
    devices, numbers = await live.ward(running), count()
    for subscriptions in (1, 100 // scale):
        await _socket(running, report, devices, subscriptions, numbers, live.SECONDS // scale)
        await _hook(running, report, devices, subscriptions, numbers, live.SECONDS // scale)
    for clients in dict.fromkeys(max(1, each // scale) for each in live.CLIENTS):
        await _streams(running, report, devices, clients, numbers, live.SECONDS // scale)
    for subscriptions, most, times in ((1, 1, 1), (1, None, 2), (100, 1, 1), (100, 10, 4)):
        await _through(running, report, devices, subscriptions, most, numbers, times * EVENTS // scale)
    await _catch_up(running, report, devices, BACKLOG // scale)


async def _streams(
    running: Server,
    report: Report,
    devices: list[Device],
    clients: int,
    numbers: "count[int]",
    seconds: int,
) -> None:
    """`$events-stream`, ten clients of each of a hundred subscriptions at most."""
    watching = devices[:clients]
    ids = await _each(running, watching, lambda _: web_socket())
    paths = (f"/fhir/Subscription/{ids[each % len(ids)]}/$events-stream" for each in range(clients))
    ledger = Ledger()
    listening = event_streams(running.port, ((path, TOKEN) for path in paths), ledger)
    name = f"$events-stream, SSE, {clients:,} clients of {len(ids)} subscriptions"
    await _timed(
        running, report, name, watching, listening, ledger, numbers, seconds, clients // len(watching)
    )
    await unsubscribe(running, ids)


async def _socket(
    running: Server, report: Report, devices: list[Device], many: int, numbers: "count[int]", seconds: int
) -> None:
    ids = await _each(running, devices[:many], lambda _: web_socket())
    first = [f"bind-with-token {subscribed.binding(running, id)}" for id in ids]
    ledger = Ledger()
    listening = web_sockets(running.port, [("/ws/subscriptions", each) for each in first], ledger)
    name = f"WebSocket, {many} subscriptions, a client each"
    await _timed(running, report, name, devices[:many], listening, ledger, numbers, seconds, 1)
    await unsubscribe(running, ids)


async def _hook(
    running: Server, report: Report, devices: list[Device], many: int, numbers: "count[int]", seconds: int
) -> None:
    ledger = Ledger()
    async with Endpoint(ledger).listening() as port:
        ids = await _each(running, devices[:many], lambda each: rest_hook(port, str(each)))
        name = f"rest-hook, {many} subscriptions"
        await _timed(running, report, name, devices[:many], nullcontext(), ledger, numbers, seconds, 1)
        await unsubscribe(running, ids)


async def _each(running: Server, devices: Sequence[Device], channel: _Channel) -> list[str]:
    """The ids of new subscriptions, one for each device's patient."""
    made = [
        subscription(f"bench-{time.time_ns()}-{number}", channel(number), device.patient)
        for number, device in enumerate(devices)
    ]
    await subscribe(running, made)
    return [str(each["id"]) for each in made]


async def _timed(
    running: Server,
    report: Report,
    name: str,
    devices: list[Device],
    listening: AbstractAsyncContextManager[None],
    ledger: Ledger,
    numbers: "count[int]",
    seconds: int,
    each: int,
) -> None:
    async with listening:
        await live.sent(running.port, devices, numbers, live.WARM_UP_SECONDS, Ledger(), 0)
        before = running.cpu()
        await live.sent(running.port, devices, numbers, seconds, ledger, each)
        cpu = tuple(after - first for after, first in zip(running.cpu(), before, strict=True))
    live.tell(report, name, ledger, cpu)


async def _through(
    running: Server,
    report: Report,
    devices: list[Device],
    many: int,
    most: int | None,
    numbers: "count[int]",
    events: int,
) -> None:
    """Events that wait while the endpoint answers nothing, then go as fast as it takes them; and the same bytes by themselves.

    Those of the requests that were not answered before are not counted.
    """
    endpoint = Endpoint(Ledger())
    async with endpoint.listening() as port:
        whose = [device.patient for device in devices[:many]] if many > 1 else [None]
        made = [
            subscription(f"hook-{time.time_ns()}-{number}", rest_hook(port, str(number)), patient, most)
            for number, patient in enumerate(whose)
        ]
        await subscribe(running, made)
        endpoint.open.clear()
        endpoint.requests = 0
        already = await asyncio.to_thread(subscribed.numbered, running)
        await _written(running, devices, numbers, events)
        await _until_numbered(running, already + events)
        held = endpoint.events
        load, cpu = await _emptied(running, endpoint, events)
        size = events / endpoint.requests
        again = [request("POST", "/", content.JSON, body) for body in endpoint.bodies]
        floor = await drive(port, iter(again), 1)
        name = f"{many} rest-hook{'s' * (many > 1)}, {size:.0f} events a request, events"
        aim = 1_000 if many == 1 else None
        report.row(name, load, cpu, floor=floor.rate * size, aim=aim, units=events - held)
        await unsubscribe(running, [str(each["id"]) for each in made])


async def _written(running: Server, devices: list[Device], numbers: "count[int]", events: int) -> None:
    """Readings in batches, so many of them in all."""
    size = min(_BATCH, events // len(devices))
    first = next(numbers)
    rounds = range(first, first + events // len(devices), size)
    batches = (content.temperatures(device, start, size) for start in rounds for device in devices)
    load = await drive(running.port, batches)
    if set(load.statuses) != {200}:
        raise SystemExit(f"statuses {load.statuses}: the benchmark measures successes only")
    next(islice(numbers, events // len(devices), None))


async def _until_numbered(running: Server, wanted: int) -> None:
    before, since = -1, time.monotonic()
    while (there := await asyncio.to_thread(subscribed.numbered, running)) < wanted:
        if there != before:
            before, since = there, time.monotonic()
        if time.monotonic() - since > _PATIENCE:
            raise SystemExit(f"{there} of {wanted} events were numbered")
        await asyncio.sleep(0.1)


async def _emptied(running: Server, endpoint: Endpoint, events: int) -> tuple[Load, tuple[float, float]]:
    """How long it takes until the endpoint was told of all events."""
    before, load, started = running.cpu(), Load(), time.perf_counter()
    endpoint.open.set()
    while endpoint.events < events:
        if time.perf_counter() - started > _PATIENCE + events / 20:
            raise SystemExit(f"{endpoint.events} of {events} events came")
        await asyncio.sleep(0.01)
    after = running.cpu()
    load.seconds = time.perf_counter() - started
    return load, (after[0] - before[0], after[1] - before[1])


async def _catch_up(running: Server, report: Report, devices: list[Device], backlog: int) -> None:
    """Events of writes while nobody numbered, as after an hour without a server."""
    ids = await _each(running, devices, lambda _: web_socket())
    subscribed.hold(running)
    already = await asyncio.to_thread(subscribed.numbered, running)
    await fill.fill(running.database_url, records.readings(0, backlog))
    before, started = running.cpu(), time.perf_counter()
    subscribed.free(running)
    await _until_numbered(running, already + backlog)
    load = Load(time.perf_counter() - started)
    cpu = tuple(after - first for after, first in zip(running.cpu(), before, strict=True))
    report.row(f"catch-up: numbering {backlog:,} events that waited", load, (cpu[0], cpu[1]), units=backlog)
    await unsubscribe(running, ids)
