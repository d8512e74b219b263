"""Readings of a thousand devices for minutes on end, by batches and one a request: rate, p99, memory, raw COPY beside it.

docs/performance.md, "Sustained"
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from tests.benchmarks import content, floors
from tests.benchmarks.content import Device
from tests.benchmarks.driver import CONNECTIONS, drive
from tests.benchmarks.processes import Server
from tests.benchmarks.records import START
from tests.benchmarks.table import Report

DEVICES, BATCH = 1000, 50
"""As many in a batch as eight connections can have on the way at the rate aimed at and still be answered within P99."""

OPEN_AT_ONCE = 64
"""Connections of devices that send their readings one by one: of a thousand, as many have one under way in the same moment."""

SAMPLES = 20
FLOOR_ROWS = 50_000
P99 = 200
"""Milliseconds from receipt to commit that are aimed at."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A way of sending: `size` readings a request over so many connections, and as many `counted` a second as are aimed at."""

    name: str
    size: int
    connections: int
    aim: int
    counted: str


PHASES = (
    Phase(f"batches of {BATCH} readings", BATCH, CONNECTIONS, 10_000, "Observations"),
    Phase("one signed reading a request", 1, OPEN_AT_ONCE, 2_000, "requests"),
)


async def sustained(running: Server, report: Report, minutes: float, devices: int = DEVICES) -> None:
    """Measures each way of sending for `minutes`, after `devices` are registered."""
    report.say(f"{devices:,} devices are registered")
    ward = await content.oximeters(running.database_url, running.data_dir, devices)
    sent = count()
    for phase in PHASES:
        await _phase(running, report, phase, ward, minutes, sent)


async def _phase(
    running: Server, report: Report, phase: Phase, ward: list[Device], minutes: float, sent: "count[int]"
) -> None:
    deadline = time.monotonic() + 60 * minutes
    sampling = asyncio.create_task(_sampled(running, 60 * minutes))
    before = running.cpu()
    load = await drive(running.port, _messages(ward, phase.size, sent, deadline), phase.connections)
    after = running.cpu()
    sizes = await sampling
    if set(load.statuses) != {200}:
        raise SystemExit(f"statuses {load.statuses}: the benchmark measures successes only")
    observations = 2 * phase.size * len(load.latencies)
    floor = await asyncio.to_thread(floors.copy, running.database_url, min(FLOOR_ROWS, observations // 2))
    cpu = after[0] - before[0], after[1] - before[1]
    name = f"sustained for {minutes:g} min, {len(ward):,} devices, {phase.name}, Observations"
    report.row(name, load, cpu, floor=floor, units=observations)
    reached = load.rate if phase.counted == "requests" else observations / load.seconds
    report.say(
        f"  {reached:,.0f} of {phase.aim:,} {phase.counted} a second; p99 {load.percentile(99):.0f} of {P99} ms"
    )
    report.say(f"  memory of the server, MB: {', '.join(f'{mb:.0f}' for _, mb in sizes)}")
    report.say(f"  slope over the second half: {slope(sizes[len(sizes) // 2 :]):+.2f} MB a minute")


def _messages(ward: list[Device], size: int, sent: "count[int]", deadline: float) -> Iterator[bytes]:
    """Signed requests of one device after the other, each reading a second after the last, until the deadline."""
    for first in _rounds(sent, size):
        for device in ward:
            if time.monotonic() > deadline:
                return
            yield content.signed(device, [_reading(number) for number in range(first, first + size)])


def _rounds(sent: "count[int]", size: int) -> Iterator[int]:
    """The number of the first reading of each round; no number comes twice in all phases."""
    while True:
        numbers = [next(sent) for _ in range(size)]
        yield numbers[0]


def _reading(number: int) -> dict[str, object]:
    at = (START + timedelta(seconds=number)).isoformat()
    return {"timestamp": at, "data": {"spo2": 90 + number % 10, "pulseRate": 60 + number % 40}}


async def _sampled(
    running: Server, seconds: float, clock: Callable[[], float] = time.monotonic
) -> list[tuple[float, float]]:
    """Minutes since the start and megabytes, some twenty times."""
    started, sizes = clock(), []
    for _ in range(SAMPLES):
        await asyncio.sleep(seconds / SAMPLES)
        sizes.append(((clock() - started) / 60, await asyncio.to_thread(running.memory) / 2**20))
    return sizes


def slope(sizes: list[tuple[float, float]]) -> float:
    """Megabytes a minute, by least squares."""
    minutes, megabytes = zip(*sizes, strict=True)
    return statistics.linear_regression(minutes, megabytes).slope
