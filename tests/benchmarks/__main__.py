"""`make bench`: create, read, search over 100,000 Observations and batch ingest, each with CPU and the ratio to its floor.

docs/performance.md explains the figures. `python -m tests.benchmarks --small` is a quick look.
"""

import argparse
import asyncio
from collections.abc import Iterator

import psycopg
from rich.console import Console
from rich.table import Table

from fhir_server.definitions.types import RESOURCE_TYPES
from tests.benchmarks import content, floors
from tests.benchmarks.driver import Load, drive, request
from tests.benchmarks.processes import Server, echo, server

OBSERVATION = RESOURCE_TYPES["Observation"]
DEVICES, BATCH = 100, 250


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--small", action="store_true", help="a fifth of the work, for a quick look")
    parser.add_argument("--only", default="", help="ingest is always run; then create, read, search or all")
    arguments = parser.parse_args()
    scale = 5 if arguments.small else 1
    table = Table(title="2 cores shared by driver, server and PostgreSQL; 8 connections")
    for name in (
        "",
        "per second",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "CPU s / 1,000: server",
        "database",
        "both",
        "floor",
        "ratio",
    ):
        table.add_column(name, justify="left" if not name else "right")
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, server() as running:
        runner.run(_bench(running, table, scale))
        with echo() as (port, _):
            load = runner.run(drive(port, (request("GET", "/", {}) for _ in range(20_000 // scale))))
            _row(table, "bare ASGI echo (floor of every request)", load, None, None)
    Console(width=160).print(table)


async def _bench(running: Server, table: Table, scale: int) -> None:
    devices = await content.oximeters(running.database_url, running.data_dir, DEVICES)
    readings = 50_000 // scale
    load, cpu = await _measured(running, content.batches(devices, readings, BATCH // scale))
    made = 2 * readings
    floor = await asyncio.to_thread(floors.copy, running.database_url, made // 2)
    _ingest_row(table, f"ingest, batches of {BATCH // scale} readings, Observations", load, cpu, made, floor)
    load, cpu = await _measured(running, content.single(devices, 5_000 // scale, readings // DEVICES))
    _row(table, "ingest, one signed reading a request", load, cpu, None)
    load, cpu = await _measured(running, content.creates(10_000 // scale))
    _row(table, "create", load, cpu, await floors.insert(running.database_url, 10_000 // scale))
    ids = _ids(running.database_url)
    load, cpu = await _measured(running, content.reads(ids, 20_000 // scale))
    _row(
        table, "read", load, cpu, await floors.select(running.database_url, OBSERVATION, ids, 20_000 // scale)
    )
    for label, statement in (("as it stands", "SELECT 1"), ("after ANALYZE", "ANALYZE")):
        with psycopg.connect(running.database_url, autocommit=True) as connection:
            connection.execute(statement)
        load, cpu = await _measured(running, content.searches(DEVICES, 8_000 // scale))
        floor = await floors.search(running.database_url, OBSERVATION, content.START, DEVICES, 8_000 // scale)
        _row(table, f"search patient & code & date, newest 50, {label}", load, cpu, floor)


async def _measured(running: Server, requests: Iterator[bytes]) -> tuple[Load, tuple[float, float]]:
    before = running.cpu()
    load = await drive(running.port, requests)
    after = running.cpu()
    wrong = {status for status in load.statuses if status not in (200, 201)}
    if wrong:
        raise SystemExit(f"statuses {load.statuses}: the benchmark measures successes only")
    return load, (after[0] - before[0], after[1] - before[1])


def _row(table: Table, name: str, load: Load, cpu: tuple[float, float] | None, floor: Load | None) -> None:
    per_thousand = (
        [f"{1000 * part / len(load.latencies):.2f}" for part in (*cpu, sum(cpu))] if cpu else ["", "", ""]
    )
    latencies = [f"{load.percentile(percent):.2f}" for percent in (50, 95, 99)]
    beside = [f"{floor.rate:,.0f}", f"{load.rate / floor.rate:.2f}"] if floor else ["", ""]
    table.add_row(name, f"{load.rate:,.0f}", *latencies, *per_thousand, *beside)


def _ingest_row(
    table: Table, name: str, load: Load, cpu: tuple[float, float], made: int, floor: float
) -> None:
    rate = made / load.seconds
    latencies = [f"{load.percentile(percent):.2f}" for percent in (50, 95, 99)]
    per_thousand = [f"{1000 * part / made:.3f}" for part in (*cpu, sum(cpu))]
    table.add_row(name, f"{rate:,.0f}", *latencies, *per_thousand, f"{floor:,.0f}", f"{rate / floor:.2f}")


def _ids(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        sql = "SELECT id FROM resource WHERE type = %s AND NOT deleted ORDER BY rid LIMIT 50000"
        return [id for (id,) in connection.execute(sql, (OBSERVATION,))]


if __name__ == "__main__":
    main()
