"""A storm over every family of devices: a hundred kills, and every reading is where it was said to be, once.

docs/ingest.md, "What is conserved"; `SOAK_SEED` repeats a run, `SOAK_KILLS` says how many
"""

import asyncio
import os
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.enrolment import enrolled
from tests.soak.audit import broken_rules
from tests.soak.client import BEARER, Client, Device, Unanswered, gathered
from tests.soak.families import FAMILIES, Family, Message
from tests.soak.faults import owner, patience, postmaster, worker
from tests.soak.ledger import Ledger
from tests.soak.load import START
from tests.soak.server import Server, serving

pytestmark = pytest.mark.soak

SEED = int(os.environ.get("SOAK_SEED", "20260301"))
KILLS = int(os.environ.get("SOAK_KILLS", "100"))
PAUSE = 0.05
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


async def test_after_a_hundred_kills_every_reading_is_stored_once_or_is_a_dead_letter():
    chance, took = random.Random(SEED), defaultdict(list)
    with serving(workers=3) as server:
        lanes, ledger, stopping = await ward(server), Ledger(), asyncio.Event()
        senders = [asyncio.create_task(sends(server, lane, ledger, stopping)) for lane in lanes]
        for _ in range(KILLS):
            kill = chance.choice((worker, postmaster, owner))
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
        stored, rejected = balanced(server, lanes)
        report(ledger, took, lanes, stored, rejected)

        assert server.stop() == 0
        server.start()
        server.await_ready(patience())
        counted = await replayed(server, lanes)
        assert state(server) == before
        assert in_metrics(await metrics_text(server)) == counted
        assert server.failures() == []
        assert server.stop() == 0


async def ward(server: Server) -> list[Lane]:
    """A registered device of each family, each on a patient of its own."""
    named = [(f"{family.type}-{n}", family.type, f"p{n}") for n, family in enumerate(FAMILIES)]
    made = await enrolled(server.database_url, server.data_dir, named, START - timedelta(days=1))
    return [
        Lane(family, Device(each.name, each.secret, each.device))
        for family, each in zip(FAMILIES, made, strict=True)
    ]


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


def balanced(server: Server, lanes: list[Lane]) -> tuple[int, int]:
    """How many readings are stored, and how many are dead letters: together all that were sent, each once."""
    promised: dict[str, int] = {}
    stored = rejected = corrected = 0
    for lane in lanes:
        for number, results in enumerate(lane.results):
            for fate, result in zip(lane.family.message(number).fates, results, strict=True):
                if fate == "rejected":
                    rejected += 1
                    continue
                if fate == "corrected":
                    corrected += 1
                else:
                    stored += 1
                    assert promised.keys().isdisjoint(result["references"]), "two readings are one resource"
                promised |= dict.fromkeys(result["references"], 2 if fate == "corrected" else 1)
    with psycopg.connect(server.database_url) as connection:
        there = dict(connection.execute(_READINGS).fetchall())
        letters = connection.execute("SELECT count(*) FROM dead_letter WHERE stored_as IS NULL").fetchone()
        origins = dict(connection.execute(_ORIGINS).fetchall())
    assert {name: version for name, version in promised.items() if there.get(name) != version} == {}
    assert there.keys() - promised.keys() == set()
    assert {name: version for name, version in there.items() if origins.get(name) != version} == {}
    assert letters == (rejected,)
    assert stored + corrected + rejected == sum(len(each) for lane in lanes for each in lane.results)
    return stored + corrected, rejected


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


async def replayed(server: Server, lanes: list[Lane]) -> Counter[str]:
    """How often each status was answered when everything was sent again; what was corrected since is not.

    To say again what was corrected is to contradict it, and is rejected.
    """
    counted: Counter[str] = Counter()

    async def again(lane: Lane) -> None:
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

    await asyncio.gather(*(again(lane) for lane in lanes))
    return counted


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
    ledger: Ledger, took: dict[str, list[float]], lanes: list[Lane], stored: int, rejected: int
) -> None:
    print(f"\nseed {SEED}; answers by status (0: none): {dict(sorted(ledger.statuses.items()))}")
    print(f"{stored + rejected} readings by {len(lanes)} devices: {stored} stored, {rejected} dead letters")
    for name, seconds in took.items():
        print(f"{name}: {len(seconds)} kills, back after {max(seconds):.1f} s at most")
