"""Killed workers, owners and databases under load: back in ten seconds, what was acknowledged is there, nothing else is.

The short form of `tests/soak/test_kills.py` and `tests/soak/test_subscriptions.py`.
"""

import asyncio
import os
import signal
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.soak.audit import broken_promises, unrecorded
from tests.soak.client import Client, gathered
from tests.soak.faults import await_gone, patience
from tests.soak.ledger import Ledger
from tests.soak.load import Load, registered
from tests.soak.server import Server, serving
from tests.soak.subscriber import Subscriber, subscriber
from tests.soak.subscribing import LOOPBACK, await_standing, leader, observing
from tests.soak.telling import Watch, all_heard, all_numbered, misheard, misnumbered, rebundled


@pytest.mark.item("sub-G4")
async def test_a_kill_of_leader_owner_and_postmaster_loses_nothing_that_was_acknowledged_and_no_event_of_it():
    with serving(workers=2, FHIR_OUTBOUND_ALLOW=LOOPBACK) as server, subscriber() as hearing:
        ledger = Ledger()
        watch = await watched(server, hearing)
        first = psutil.Process(server.owner.pid).children(recursive=True)
        load = Load(server.port, ledger, await registered(server.database_url, server.data_dir, 2))
        clients = load.start(clients=1)
        for kill in (leading, owner, postmaster):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(kill, server)
            await asyncio.to_thread(server.await_ready, patience())
        await asyncio.sleep(0.5)
        load.stop()
        await gathered(*clients, seconds=60)
        await load.settled()
        given = (await all_numbered(server.database_url, {"all": watch}))["all"]
        await all_heard({"all": given}, {"all": lambda: hearing.numbers("all")})

        last = psutil.Process(server.owner.pid).children(recursive=True)
        folders = Path(tempfile.gettempdir()).glob
        assert alive(first) == [], "what a killed owner started ends with it"
        assert len(list(folders(f"fhir-server-metrics-{server.owner.pid}-*"))) == 1
        assert server.failures() == []
        assert ledger.faults == []
        assert broken_promises(server.database_url, ledger) == []
        assert unrecorded(server.database_url, ledger) == []
        assert misnumbered(server.database_url, watch) == []
        assert misheard(given, hearing.notices("all")) == []
        assert rebundled(hearing.notices("all")) == []
        assert min(len(ledger.creates), len(ledger.versions), len(ledger.promised)) > 20
        pid = server.owner.pid
        assert server.stop() == 0
        assert alive(last) == []
        assert list(folders(f"fhir-server-metrics-{pid}-*")) == []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


async def watched(server: Server, hearing: Subscriber) -> Watch:
    client = Client(server.port)
    watch = await observing(client, hearing.url("all"))
    await await_standing(client, [watch.id], "active", patience())
    client.close()
    return watch


def leading(server: Server) -> None:
    """The worker that numbers events."""
    pid = leader(server)[1]
    os.kill(pid, signal.SIGKILL)
    await_gone(pid)


def postmaster(server: Server) -> None:
    pid = server.postmaster_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await_gone(pid)


def owner(server: Server) -> None:
    server.kill_owner()
    server.start()
