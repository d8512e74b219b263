"""Ingest at full speed for minutes: the rate holds while the database grows, memory and connections stay bounded.

docs/operations.md, "Load"; `SOAK_MINUTES` says how long
"""

import asyncio
import itertools
import json
import os
import statistics
import time

import psycopg
import pytest

from tests.soak.client import Client, Device
from tests.soak.load import reading, registered
from tests.soak.server import Server, serving

pytestmark = pytest.mark.soak

MINUTES = float(os.environ.get("SOAK_MINUTES", "4"))
CLIENTS, BATCH = 6, 50
COLLAPSE = 0.4
"""Of the first quarter's rate; 0.6 is what one expects, and other work on the machine may take as much again."""

MOST_GROWTH = 150 * 2**20
"""Bytes that the server's processes may take more in the end than after the first quarter."""


async def test_ingest_keeps_its_rate_and_its_size_while_the_database_grows():
    with serving(workers=2) as server:
        devices = await registered(server.database_url, server.data_dir, CLIENTS)
        end = time.monotonic() + 60 * MINUTES
        counts: list[float] = []
        sizes: list[tuple[int, int]] = []
        senders = [asyncio.create_task(sender(server, device, counts, end)) for device in devices]
        started = time.monotonic()
        for _ in range(8):
            await asyncio.sleep(60 * MINUTES / 8)
            sizes.append((server.memory(), await asyncio.to_thread(connections, server)))
        await asyncio.gather(*senders)
        report(counts, started, sizes)

        rates = quarters(counts, started)
        assert rates[3] > COLLAPSE * rates[0]
        assert sizes[-1][0] - sizes[1][0] < MOST_GROWTH
        assert max(size[1] for size in sizes) <= 2 * 8 + 2
        assert stored(server) == 2 * BATCH * len(counts)


async def sender(server: Server, device: Device, counts: list[float], end: float) -> None:
    """Sends one batch after the other, each of them new, and notes when it was taken in."""
    client = Client(server.port)
    for number in itertools.count():
        if time.monotonic() > end:
            break
        body = json.dumps([reading(number * BATCH + n) for n in range(BATCH)]).encode()
        answer = await client.send("POST", "/ingest/readings", device.signed("/ingest/readings", body), body)
        assert answer.status == 200, answer
        counts.append(time.monotonic())
    client.close()


def quarters(counts: list[float], started: float) -> list[float]:
    """Readings a second in each quarter of the time."""
    quarter = 60 * MINUTES / 4
    return [
        BATCH * sum(1 for at in counts if n * quarter <= at - started < (n + 1) * quarter) / quarter
        for n in range(4)
    ]


def report(counts: list[float], started: float, sizes: list[tuple[int, int]]) -> None:
    rates = quarters(counts, started)
    print(f"\nreadings a second in each quarter: {', '.join(f'{rate:.0f}' for rate in rates)}")
    print(
        f"last over first: {rates[3] / rates[0]:.2f}; longest pause between two answers: {longest(counts):.2f} s"
    )
    print(f"memory of the server's processes, MB: {', '.join(str(size // 2**20) for size, _ in sizes)}")
    print(f"database connections: {statistics.median(number for _, number in sizes):.0f}")


def longest(counts: list[float]) -> float:
    return max((later - earlier for earlier, later in itertools.pairwise(sorted(counts))), default=0.0)


def connections(server: Server) -> int:
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fhir-server'"
        )
        return row.fetchone()[0]


def stored(server: Server) -> int:
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM resource WHERE body ->> 'resourceType' = 'Observation'"
        )
        return row.fetchone()[0]
