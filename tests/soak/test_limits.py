"""Too few database connections, and a full disk: the server says to come again, keeps what it promised, and recovers.

docs/operations.md, "Faults"
"""

import asyncio
import json
import os
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.soak.audit import broken_promises
from tests.soak.client import FHIR, Client, Unanswered, gathered
from tests.soak.faults import patience
from tests.soak.ledger import Ledger
from tests.soak.load import Load, registered
from tests.soak.server import Server, serving

pytestmark = pytest.mark.soak


async def test_with_fewer_connections_than_the_workers_want_nobody_meets_a_500():
    with serving(workers=2) as server:
        devices = await registered(server.database_url, server.data_dir, 4)
        started_with(server, connections=10)
        ledger = Ledger()
        load = Load(server.port, ledger, devices)
        clients = load.start(clients=16)
        await asyncio.sleep(15)
        load.stop()
        await gathered(*clients, seconds=90)
        await load.settled()
        print(f"\nanswers by status: {dict(sorted(ledger.statuses.items()))}")

        assert server.failures() == []
        assert ledger.faults == []
        assert ledger.statuses[201] > 100
        started_with(server, connections=50)
        assert broken_promises(server.database_url, ledger) == []


async def test_a_full_disk_is_told_and_with_room_again_all_that_was_promised_is_there():
    with serving(workers=2) as server, small_disk(server) as disk:
        client = Client(server.port)
        ids, statuses = await filled(client)
        assert statuses.keys() <= {0, 201, 429, 503, 507}
        assert len(ids) > 5
        assert server.status("/health") == 200

        grown(disk)
        server.await_ready(3 * patience())
        for id in ids:
            assert (await client.send("GET", f"/fhir/Basic/{id}", FHIR)).status == 200
        again = await client.send("POST", "/fhir/Basic", FHIR, large())
        assert again.status == 201
        assert server.failures() == []
        client.close()
        print(f"\nanswers by status until the disk was full: {dict(statuses)}")
        assert server.stop() == 0


def started_with(server: Server, *, connections: int) -> None:
    """The server starts again on a database that takes so many connections."""
    assert server.stop() == 0
    (server.data_dir / "pg" / "postgresql.local.conf").write_text(f"max_connections = {connections}\n")
    server.start()
    server.await_ready(patience())


async def filled(client: Client) -> tuple[list[str], Counter[int]]:
    """The ids promised until ten requests in a row failed."""
    ids: list[str] = []
    statuses: Counter[int] = Counter()
    failed = 0
    for _ in range(1_000):
        try:
            answer = await client.send("POST", "/fhir/Basic", FHIR, large())
            statuses[answer.status] += 1
        except Unanswered:
            statuses[0] += 1
            answer = None
        if answer is not None and answer.status == 201:
            ids.append(answer.json()["id"])
            failed = 0
        else:
            failed += 1
            await asyncio.sleep(0.2)
        if failed == 10:
            return ids, statuses
    raise AssertionError("the disk did not fill")


def large() -> bytes:
    """A resource of half a megabyte that cannot be compressed."""
    text = {"text": secrets.token_hex(250_000)}
    return json.dumps({"resourceType": "Basic", "code": text}).encode()


@contextmanager
def small_disk(server: Server) -> Iterator[Path]:
    """The server, started again on a data folder that is a file system of 200 MB."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root alone")
    assert server.stop() == 0
    disk = server.folder / "disk"
    disk.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", disk)
    try:
        _run("cp", "-a", server.data_dir, disk / "data")
        data = server.data_dir
        data.rename(server.folder / "before")
        data.symlink_to(disk / "data")
        server.start()
        server.await_ready(patience())
        yield disk
    finally:
        server.stop()
        _run("umount", disk)


def grown(disk: Path) -> None:
    """The file system has room for another 800 MB."""
    _run("mount", "-o", "remount,size=1000m", disk)


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)
