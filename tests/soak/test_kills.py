"""Thirty-six kills under a mixed load, of workers, backends, postmasters and whole servers: nothing promised is lost.

docs/operations.md, "Faults"; `SOAK_SEED` repeats a run
"""

import asyncio
import os
import random
from collections import defaultdict

import pytest

from tests.soak.audit import broken_promises, unrecorded
from tests.soak.client import gathered
from tests.soak.faults import backend, owner, patience, postmaster, worker
from tests.soak.ledger import Ledger
from tests.soak.load import Load, registered
from tests.soak.server import serving

pytestmark = pytest.mark.soak

SEED = int(os.environ.get("SOAK_SEED", "20260105"))


async def test_nothing_promised_is_lost_and_nothing_is_half_there_after_thirty_six_kills():
    chance = random.Random(SEED)
    kills = [worker] * 10 + [backend] * 6 + [postmaster] * 11 + [owner] * 9
    chance.shuffle(kills)
    took: dict[str, list[float]] = defaultdict(list)
    with serving(workers=2) as server:
        ledger = Ledger()
        load = Load(server.port, ledger, await registered(server.database_url, server.data_dir, 3))
        clients = load.start(clients=2)
        for kill in kills:
            await asyncio.sleep(chance.uniform(0.05, 2.0))
            await asyncio.to_thread(kill, server, chance)
            took[kill.__name__].append(await asyncio.to_thread(server.await_ready, patience()))
        await asyncio.sleep(2)
        load.stop()
        await gathered(*clients, seconds=90)
        await load.settled()
        report(ledger, took)

        assert server.failures() == []
        assert ledger.faults == []
        assert broken_promises(server.database_url, ledger) == []
        assert unrecorded(server.database_url, ledger) == []
        assert server.stop() == 0


def report(ledger: Ledger, took: dict[str, list[float]]) -> None:
    promised = sum(id is not None for id in ledger.creates.values())
    versions = sum(version is not None for version in ledger.versions.values())
    print(f"\nseed {SEED}; answers by status (0: none): {dict(sorted(ledger.statuses.items()))}")
    print(f"promised: {promised} creates, {versions} updates, {len(ledger.promised)} readings")
    for name, seconds in took.items():
        print(f"{name}: {len(seconds)} kills, back after {max(seconds):.1f} s at most")
