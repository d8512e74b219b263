"""A storm over families of devices and their files: a hundred kills, and every reading is where it was said to be, once.

docs/ingest.md, "What is conserved"; `SOAK_SEED` repeats a run, `SOAK_KILLS` says how many
"""

import asyncio
import hashlib
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.enrolment import enrolled
from tests.soak.audit import broken_rules
from tests.soak.client import BEARER, Client, Device, Unanswered, gathered
from tests.soak.families import FAMILIES, Family, Message
from tests.soak.faults import command, owner, patience, postmaster, worker
from tests.soak.files import FILE_FAMILIES, STATUSES, Brought, Shelf, faults
from tests.soak.ledger import Ledger
from tests.soak.server import Server, serving

pytestmark = pytest.mark.soak

SEED = int(os.environ.get("SOAK_SEED", "20260301"))
KILLS = int(os.environ.get("SOAK_KILLS", "100"))
FAULTS = (worker, postmaster, owner, command)
SHARES = (4, 3, 2, 1)
PAUSE = 0.05
BEFORE = datetime(2023, 1, 1, tzinfo=UTC)
"""Since when the devices are on their patients: before the first recording."""
EXPECTED = {
    "stored": {"created", "unchanged"},
    "corrected": {"amended", "unchanged"},
    "rejected": {"rejected"},
}


@dataclass
class Lane:
    """One device: what it sent so far, and for each message the results it was answered with in the end."""

    family: Family
    device: Device
    results: list[list[dict[str, Any]]] = field(default_factory=list)


async def test_after_a_hundred_kills_every_reading_is_stored_once_or_is_a_dead_letter(tmp_path):
    chance, took = random.Random(SEED), defaultdict(list)
    with serving(workers=3) as server:
        (lanes, shelves), ledger, stopping = await ward(server, tmp_path), Ledger(), asyncio.Event()
        senders = [asyncio.create_task(sends(server, lane, ledger, stopping)) for lane in lanes]
        senders += [asyncio.create_task(shelf.fill(server, ledger, stopping)) for shelf in shelves]
        for _ in range(KILLS):
            (kill,) = chance.choices(FAULTS, SHARES)
            await asyncio.sleep(chance.uniform(0.05, 1.0))
            await asyncio.to_thread(kill, server, chance)
            took[kill.__name__].append(await asyncio.to_thread(server.await_ready, patience()))
        await asyncio.sleep(1)
        stopping.set()
        await gathered(*senders, seconds=90)

        assert ledger.faults == []
        assert server.failures() == []
        assert broken_rules(server.database_url) == []
        before = state(server)
        books = balanced(server, lanes, shelves)
        report(ledger, took, lanes, shelves, books)

        assert server.stop() == 0
        server.start()
        server.await_ready(patience())
        counted = await replayed(server, lanes, shelves)
        assert state(server) == before
        assert in_metrics(await metrics_text(server)) == counted
        assert await changed_contents(server, shelves) == []

        more = await continued(server, lanes, shelves)
        counted += more
        assert in_metrics(await metrics_text(server)) == counted
        said = " + ".join(f"{counted[status]} {status}" for status in STATUSES)
        print(f"by the metrics, everything again and a little more: {counted.total()} received = {said}")
        assert dead_letters(server) == books.rejected + more["rejected"]
        assert server.failures() == []
        assert server.stop() == 0


@dataclass(frozen=True, slots=True)
class Books:
    """What was received in the storm, each once however often it was sent, and where it is."""

    stored: int
    corrected: int
    rejected: int
    received: int


async def ward(server: Server, folder: Path) -> tuple[list[Lane], list[Shelf]]:
    """A registered device of each family, each on a patient of its own: those that send, and those whose files are brought."""
    named = [(f"{family.type}-{n}", family.type, f"p{n}") for n, family in enumerate(FAMILIES)]
    filed = [(f"files-{n}", family.type, f"f{n}") for n, family in enumerate(FILE_FAMILIES)]
    made = await enrolled(server.database_url, server.data_dir, [*named, *filed], BEFORE)
    devices = [Device(each.name, each.secret, each.device) for each in made]
    lanes = [Lane(family, device) for family, device in zip(FAMILIES, devices, strict=False)]
    shelves = [
        Shelf(family, device, folder)
        for family, device in zip(FILE_FAMILIES, devices[len(FAMILIES) :], strict=True)
    ]
    return lanes, shelves


async def sends(server: Server, lane: Lane, ledger: Ledger, stopping: asyncio.Event) -> None:
    """One message after the other, each of them again until it is answered."""
    client = Client(server.port)
    while not stopping.is_set():
        message = lane.family.message(len(lane.results))
        while (results := await attempt(client, lane.device, message, ledger)) is None:
            pass
        for fate, result in zip(message.fates, results, strict=True):
            if result["status"] not in EXPECTED[fate]:
                ledger.faults.append(f"{message.body!r}: {result} to what should be {fate}")
        lane.results.append(results)
        await asyncio.sleep(PAUSE)
    client.close()


async def attempt(
    client: Client, device: Device, message: Message, ledger: Ledger
) -> list[dict[str, Any]] | None:
    """What became of each reading; None, after a moment, when the server did not say."""
    headers = device.signed(message.path, message.body)
    try:
        answer = await client.send("POST", message.path, headers, message.body)
        settled = ledger.note(f"POST {message.path}", answer)
    except Unanswered:
        ledger.unanswered()
        settled = False
    if not settled:
        await asyncio.sleep(0.2)
        return None
    said = answer.json()
    if "status" in said:
        return [said]
    results = said["results"]
    return [each for named in results.values() for each in named] if isinstance(results, dict) else results


def balanced(server: Server, lanes: list[Lane], shelves: list[Shelf]) -> Books:
    """What was received, found again: stored under the promised name at the promised version, or a dead letter."""
    promised: dict[str, int] = {}
    stored = rejected = corrected = 0

    def promise(references: Iterable[str], version: int) -> None:
        assert version == 2 or promised.keys().isdisjoint(references), "two readings are one resource"
        promised.update(dict.fromkeys(references, version))

    for lane in lanes:
        for number, results in enumerate(lane.results):
            for fate, result in zip(lane.family.message(number).fates, results, strict=True):
                stored += fate == "stored"
                corrected += fate == "corrected"
                rejected += fate == "rejected"
                if fate != "rejected":
                    promise(result["references"], 2 if fate == "corrected" else 1)
    for shelf in shelves:
        for number, brought in enumerate(shelf.results):
            file = shelf.family.file(number)
            stored, rejected = stored + file.stored, rejected + file.rejected
            promise(brought.references, 1)
    with psycopg.connect(server.database_url) as connection:
        readings = dict(connection.execute(_READINGS).fetchall())
        there = readings | dict(connection.execute(_BINARIES).fetchall())
        origins = dict(connection.execute(_ORIGINS).fetchall())
    assert {name: version for name, version in promised.items() if there.get(name) != version} == {}
    assert there.keys() - promised.keys() == set()
    assert {name: version for name, version in readings.items() if origins.get(name) != version} == {}
    assert dead_letters(server) == rejected
    received = sum(len(each) for lane in lanes for each in lane.results)
    received += sum(sum(each.counts.values()) for shelf in shelves for each in shelf.results)
    assert stored + corrected + rejected == received
    return Books(stored, corrected, rejected, received)


def dead_letters(server: Server) -> int:
    """How many wait."""
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM dead_letter WHERE stored_as IS NULL").fetchone()
    assert row is not None
    return row[0]


_BINARIES = """
SELECT 'Binary/' || id, version FROM resource WHERE body ->> 'resourceType' = 'Binary'"""

_READINGS = """
SELECT (body ->> 'resourceType') || '/' || id, version FROM resource
 WHERE body #>> '{identifier,0,system}' = 'urn:fhir-server:reading'"""

_ORIGINS = """
SELECT target ->> 'reference', count(*)
  FROM resource, jsonb_array_elements(body -> 'target') AS target
 WHERE body ->> 'resourceType' = 'Provenance' GROUP BY 1"""


def state(server: Server) -> tuple[Any, ...]:
    """What must not change when everything is sent again."""
    counts = """
    SELECT (SELECT count(*) FROM resource), (SELECT max(rid) FROM resource), (SELECT sum(version) FROM resource),
           (SELECT count(*) FROM resource_history), (SELECT count(*) FROM change_log), (SELECT count(*) FROM dead_letter)"""
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute(counts).fetchone()
    assert row is not None
    return row


async def replayed(server: Server, lanes: list[Lane], shelves: list[Shelf]) -> Counter[str]:
    """How often the server counted each status when everything was brought again; what was corrected since is not.

    To say again what was corrected is to contradict it, and is rejected.
    """
    counted: Counter[str] = Counter()

    async def sent_again(lane: Lane) -> None:
        client, ledger = Client(server.port), Ledger()
        for number, before in enumerate(lane.results):
            message = lane.family.message(number)
            later = lane.family.message(number + 1)
            if later.fates == ("corrected",) and number + 1 < len(lane.results):
                continue
            results = await attempt(client, lane.device, message, ledger)
            assert results is not None, (ledger.statuses, ledger.faults)
            counted.update(each["status"] for each in results)
            for fate, result, earlier in zip(message.fates, results, before, strict=True):
                assert result["status"] == ("rejected" if fate == "rejected" else "unchanged"), result
                assert result["references"] == earlier["references"]
        client.close()

    async def brought_again(shelf: Shelf) -> None:
        ledger = Ledger()
        files = [shelf.family.file(number) for number in range(len(shelf.results))]
        if shelf.family.way == "command":
            found = await shelf.by_command(server, files, ledger)
        else:
            client = Client(server.port)
            found = [await shelf.bring(server, client, file, ledger) for file in files]
            client.close()
            counted.update(summed(each for each in found if not each.seen))
        assert ledger.faults == []
        for file, brought, before in zip(files, found, shelf.results, strict=True):
            assert brought.seen is (file.rejected == 0), file.name
            assert faults(file, brought) == []
            assert brought.references == before.references
            assert brought.seen or "created" not in brought.counts

    await asyncio.gather(*map(sent_again, lanes), *map(brought_again, shelves))
    return counted


async def continued(server: Server, lanes: list[Lane], shelves: list[Shelf]) -> Counter[str]:
    """How often each status was answered to a little more of everything."""
    counted: Counter[str] = Counter()
    client, ledger = Client(server.port), Ledger()
    for lane in lanes:
        for number in range(len(lane.results), len(lane.results) + 5):
            results = await attempt(client, lane.device, lane.family.message(number), ledger)
            counted.update(each["status"] for each in results or ())
    for shelf in shelves:
        if shelf.family.way != "command":
            brought = await shelf.bring(server, client, shelf.family.file(len(shelf.results)), ledger)
            counted.update(brought.counts if brought else {})
    client.close()
    assert ledger.faults == []
    return counted


async def changed_contents(server: Server, shelves: list[Shelf]) -> list[str]:
    """The documents whose content is not what was brought."""
    changed, client = [], Client(server.port)
    for shelf in shelves:
        for number, brought in enumerate(shelf.results):
            content = shelf.family.file(number).content
            for binary in (each for each in brought.references if each.startswith("Binary/")):
                answer = await client.send(
                    "GET", f"/fhir/{binary}", BEARER | {"Accept": "application/octet-stream"}
                )
                if hashlib.sha256(answer.body).digest() != hashlib.sha256(content).digest():
                    changed.append(binary)
    client.close()
    return changed


def summed(brought: Iterable[Brought]) -> Counter[str]:
    """Their counts, added up."""
    return sum((Counter(each.counts) for each in brought), Counter())


async def metrics_text(server: Server) -> str:
    client = Client(server.port)
    answer = await client.send("GET", "/metrics", BEARER)
    client.close()
    assert answer.status == 200, answer
    return answer.body.decode()


def in_metrics(text: str) -> Counter[str]:
    """Readings by status, as the server's own counters have them since it started."""
    counted: Counter[str] = Counter()
    for line in text.splitlines():
        if line.startswith("ingest_readings_total{"):
            status = line.partition('status="')[2].partition('"')[0]
            counted[status] += int(float(line.rpartition(" ")[2]))
    return counted


def report(
    ledger: Ledger, took: dict[str, list[float]], lanes: list[Lane], shelves: list[Shelf], books: Books
) -> None:
    print(f"\nseed {SEED}; answers by status (0: none): {dict(sorted(ledger.statuses.items()))}")
    files = ", ".join(f"{len(shelf.results)} by {shelf.family.way}" for shelf in shelves)
    print(f"{len(lanes)} devices; files brought: {files}")
    print(
        f"by the database: {books.received} received = {books.stored} accepted + {books.corrected} amended "
        f"+ {books.rejected} dead letters"
    )
    for name, seconds in took.items():
        print(f"{name}: {len(seconds)} kills, back after {max(seconds):.1f} s at most")
