"""What subscriptions add to a write: the same creates to servers with none, a hundred and ten thousand of them, in turn.

docs/performance.md, "Subscriptions"
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from tests.benchmarks import content, fill, records
from tests.benchmarks.driver import drive
from tests.benchmarks.processes import Server
from tests.benchmarks.subscribed import numbered, subscribe, subscription, web_socket
from tests.benchmarks.table import Report

NUMBERS: Final = (0, 100, 10_000)
WRITES: Final = 3_000
_TURNS: Final = 3
_WARDS: Final = {"patients whom nobody watches": "p", "patients whom one watches": "w"}
_QUIET_SECONDS: Final = 1.0
"""After which what the writes left to do is done, and counted as well."""


async def compare(servers: Sequence[tuple[int, Server]], report: Report, scale: int) -> None:
    """Says how much more CPU, of server and database, a create takes beside so many active subscriptions."""
    for many, running in servers:
        await fill.fill(running.database_url, records.readings(0, 2_000))
        await subscribe(running, (subscription(f"w{n}", web_socket(), f"w{n}") for n in range(many)))
    for whose, ward in _WARDS.items():
        spent = {many: [0.0] * _TURNS for many, _ in servers}
        for turn in range(_TURNS):
            for many, running in servers:
                spent[many][turn] = await _written(running, report, whose, ward, many, turn, WRITES // scale)
        least = {many: min(seconds) for many, seconds in spent.items()}
        for many, seconds in least.items():
            more = seconds / least[servers[0][0]] - 1
            report.say(
                f"create for {whose}: {many:,} subscriptions take {more:+.1%} of CPU (aim: under 10 %)"
            )


async def _written(
    running: Server, report: Report, whose: str, ward: str, many: int, turn: int, count: int
) -> float:
    """The CPU seconds of so many creates and of all that follows from them."""
    first, before, already = turn * count, running.cpu(), numbered(running)
    load = await drive(running.port, content.creates(first + count, ward, first))
    if set(load.statuses) != {201}:
        raise SystemExit(f"statuses {load.statuses}: the benchmark measures successes only")
    await asyncio.sleep(_QUIET_SECONDS)
    cpu = tuple(after - earlier for after, earlier in zip(running.cpu(), before, strict=True))
    events = numbered(running) - already
    if events != (count if many and ward == "w" else 0):
        raise SystemExit(f"{events} events were numbered for {count} creates")
    report.row(f"create for {whose}, {many:,} subscriptions", load, (cpu[0], cpu[1]))
    return sum(cpu)
