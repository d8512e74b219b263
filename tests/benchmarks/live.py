"""From a reading that is sent over HTTP to the bytes at those who watch its patient: the live view, beside a bare fan-out.

docs/performance.md, "Subscriptions"
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeAlias

from tests.benchmarks import content, fill, records
from tests.benchmarks.bearer import access_tokens
from tests.benchmarks.content import Device
from tests.benchmarks.driver import pace
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.listeners import event_streams, web_sockets
from tests.benchmarks.processes import TOKEN, Server, bare
from tests.benchmarks.table import Report

RATE: Final = 100
"""Readings a second, as many as a ward of a hundred patients sends each of whom sends once a second."""

CLIENTS: Final = (1, 100, 1_000)
SECONDS: Final = 15
WARM_UP_SECONDS: Final = 0.5
MOST: Final = {"FHIR_MAX_STREAMS": "5000", "FHIR_MAX_STREAMS_EACH": "5000"}
P99: Final = 50
"""Milliseconds from the commit to the bytes at the client that are aimed at."""

_Asked: TypeAlias = Sequence[tuple[str, str]]
Watching: TypeAlias = Callable[[int, _Asked, Ledger], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Way:
    """How clients watch patients, given who with which token."""

    name: str
    watching: Watching


def _events(port: int, asked: _Asked, ledger: Ledger) -> AbstractAsyncContextManager[None]:
    return event_streams(port, ((f"/live/patients/{patient}", token) for patient, token in asked), ledger)


def _sockets(port: int, asked: _Asked, ledger: Ledger) -> AbstractAsyncContextManager[None]:
    first = ((patient, {"type": "authorize", "token": token}) for patient, token in asked)
    return web_sockets(
        port, ((f"/ws/patients/{patient}", json.dumps(said)) for patient, said in first), ledger
    )


WAYS: Final = (Way("live view, SSE", _events), Way("live view, WebSocket", _sockets))


async def ward(running: Server) -> list[Device]:
    """The ward's patients and a thermometer on each."""
    await fill.fill(running.database_url, records.ward())
    return await content.thermometers(running.database_url, running.data_dir, records.WARD)


async def measure(running: Server, report: Report, scale: int) -> None:
    """Watches with one client, a hundred and a thousand, each in every way, and through the bare fan-out."""
    devices, numbers = await ward(running), count()
    tokens = await access_tokens(running.database_url, max(CLIENTS) // scale)
    for clients in dict.fromkeys(max(1, each // scale) for each in CLIENTS):
        for way in WAYS:
            await _watched(running, report, way, devices, tokens[:clients], numbers, SECONDS // scale)
        with bare("fanout") as (port, _):
            watching = devices[:clients]
            ledger = Ledger()
            paths = [(f"/{watching[each % len(watching)].name}", TOKEN) for each in range(clients)]
            async with event_streams(port, paths, ledger):
                await sent(port, watching, numbers, SECONDS // scale, ledger, clients // len(watching))
            report.row(f"bare fan-out to {clients:,} SSE clients (floor)", ledger.after_request(), None)
    report.say(
        f"  aim: p99 of {P99} ms from the commit, which is between request and answer; under 100 kB a client"
    )


async def _watched(
    running: Server,
    report: Report,
    way: Way,
    devices: list[Device],
    tokens: list[str],
    numbers: "count[int]",
    seconds: int,
) -> None:
    """Each of the tokens is a client's."""
    clients = len(tokens)
    watching, ledger = devices[:clients], Ledger()
    asked = [(watching[each % len(watching)].patient, token) for each, token in enumerate(tokens)]
    memory = running.memory()
    async with way.watching(running.port, asked, ledger):
        await sent(running.port, watching, numbers, WARM_UP_SECONDS, Ledger(), 0)
        before = running.cpu()
        await sent(running.port, watching, numbers, seconds, ledger, clients // len(watching))
        cpu = tuple(after - first for after, first in zip(running.cpu(), before, strict=True))
        each = (running.memory() - memory) / clients
    tell(report, f"{way.name}, {clients:,} clients", ledger, cpu)
    if clients > len(devices):
        report.say(f"  memory: {each / 1000:.0f} kB a client")


async def sent(
    port: int, devices: list[Device], numbers: "count[int]", seconds: float, ledger: Ledger, watchers: int
) -> None:
    """Returns after readings were sent for so long, and have arrived at all `watchers` of each patient."""
    readings = _readings(devices, numbers, int(seconds * RATE))
    load = await pace(port, readings, RATE, ledger.sent.__setitem__, ledger.answered.__setitem__)
    if set(load.statuses) - {200}:
        raise SystemExit(f"statuses {load.statuses}: the benchmark measures successes only")
    await ledger.settled(watchers * len(load.latencies))
    if len(ledger.arrived) < watchers * len(load.latencies) and not ledger.missed:
        raise SystemExit(f"{len(ledger.arrived)} of {watchers * len(load.latencies)} arrived")


def _readings(devices: list[Device], numbers: "count[int]", many: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(many):
        number = next(numbers)
        yield content.temperature(devices[number % len(devices)], number)


def tell(report: Report, name: str, ledger: Ledger, cpu: tuple[float, ...] | None) -> None:
    """A row from the request on, and what it is from the answer on."""
    report.row(name, ledger.after_request(), cpu and (cpu[0], cpu[1]))
    for when, load in (("the answer itself", ledger.answers()), ("after the answer", ledger.after_answer())):
        report.say(f"  {when}: p50 {load.percentile(50):.1f}, p99 {load.percentile(99):.1f} ms")
    if ledger.missed:
        report.say(f"  clients were told {ledger.missed} times that they missed something")
