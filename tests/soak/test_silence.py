"""A database that is there and says nothing for twenty seconds: everybody is told soon, and all is well afterwards.

docs/operations.md, "Faults"
"""

import asyncio
import signal
import time
from collections import Counter

import pytest

from tests.soak.audit import broken_promises
from tests.soak.client import Client, gathered
from tests.soak.faults import patience
from tests.soak.ledger import Ledger
from tests.soak.load import Load, registered
from tests.soak.server import Server, send, serving

pytestmark = pytest.mark.soak

SILENCE = 20.0
LONGEST = 20.0
"""A request in the database is given up after its statement's ten seconds and five more; others wait for ten."""


async def test_a_silent_database_is_told_in_time_and_all_is_well_afterwards():
    with serving(workers=2) as server:
        ledger = Ledger()
        load = Load(server.port, ledger, await registered(server.database_url, server.data_dir, 2))
        clients = load.start(clients=2)
        await asyncio.sleep(2)
        postgres = server.postgres_pids()
        send(postgres, signal.SIGSTOP)
        try:
            watched = await asyncio.gather(*(watch(server, path) for path in ("/health", "/ready")))
            asked = await asyncio.gather(*(ask(server) for _ in range(20)))
        finally:
            send(postgres, signal.SIGCONT)
        await asyncio.to_thread(server.await_ready, patience())
        await asyncio.sleep(2)
        load.stop()
        await gathered(*clients, seconds=90)
        await load.settled()
        print(f"\n/health {dict(watched[0])}, /ready {dict(watched[1])}, answers: {dict(Counter(asked))}")

        assert watched[0].keys() == {200}
        assert watched[1].keys() == {503}
        assert set(asked) <= {429, 503}
        assert server.failures() == []
        assert ledger.faults == []
        assert broken_promises(server.database_url, ledger) == []


async def watch(server: Server, path: str) -> Counter[int]:
    """The answers of a probe that asks all through the silence, each of which comes within five seconds."""
    answers, end = Counter[int](), time.monotonic() + SILENCE
    client = Client(server.port, patience=6)
    while time.monotonic() < end:
        answers[(await client.send("GET", path)).status] += 1
        await asyncio.sleep(0.5)
    client.close()
    return answers


async def ask(server: Server) -> int:
    """The status of a search, which comes in bounded time and says when to come again."""
    client = Client(server.port, patience=LONGEST)
    answer = await client.send("GET", "/fhir/Patient?_count=1")
    client.close()
    assert "retry-after" in answer.headers
    return answer.status
