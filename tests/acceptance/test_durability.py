"""Killed workers, owners and databases under load: back in ten seconds, what was acknowledged is there, nothing else is.

The short form of `tests/soak/test_kills.py`.
"""

import asyncio
import os
import signal
import tempfile
from pathlib import Path

import psutil

from tests.soak.audit import broken_promises, unrecorded
from tests.soak.client import gathered
from tests.soak.faults import await_gone, patience
from tests.soak.ledger import Ledger
from tests.soak.load import Load, registered
from tests.soak.server import Server, serving


async def test_a_kill_of_worker_postmaster_and_owner_loses_nothing_that_was_acknowledged():
    with serving(workers=2) as server:
        ledger = Ledger()
        first = psutil.Process(server.owner.pid).children(recursive=True)
        load = Load(server.port, ledger, await registered(server.database_url, server.data_dir, 2))
        clients = load.start(clients=1)
        for kill in (worker, postmaster, owner):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(kill, server)
            await asyncio.to_thread(server.await_ready, patience())
        await asyncio.sleep(0.5)
        load.stop()
        await gathered(*clients, seconds=60)
        await load.settled()

        last = psutil.Process(server.owner.pid).children(recursive=True)
        folders = Path(tempfile.gettempdir()).glob
        assert alive(first) == [], "what a killed owner started ends with it"
        assert len(list(folders(f"fhir-server-metrics-{server.owner.pid}-*"))) == 1
        assert server.failures() == []
        assert ledger.faults == []
        assert broken_promises(server.database_url, ledger) == []
        assert unrecorded(server.database_url, ledger) == []
        assert min(len(ledger.creates), len(ledger.versions), len(ledger.promised)) > 20
        pid = server.owner.pid
        assert server.stop() == 0
        assert alive(last) == []
        assert list(folders(f"fhir-server-metrics-{pid}-*")) == []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def worker(server: Server) -> None:
    pid = server.worker_pids()[0]
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
