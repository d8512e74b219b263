"""The measurements in their order: writes first, then the questions over what was written, then over ten times as much.

docs/performance.md
"""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Final

import psycopg

from tests.benchmarks import content, fill, floors, records
from tests.benchmarks.driver import CONNECTIONS, Load, drive
from tests.benchmarks.processes import TOKEN, Server
from tests.benchmarks.queries import OBSERVATION, QUESTIONS, Question
from tests.benchmarks.table import Report

WRITES = ("ingest", "create", "read", "transaction", "batch", "history")
ASKED = tuple(dict.fromkeys(question.group for question in QUESTIONS))
SUSTAINED = "sustained"
AUDIT = "audit"
ACCESS = "access"
TOKEN_CHECK = "token"
LIVE = "live"
SUBSCRIPTIONS = "subscriptions"
BESIDE = "beside"
GROUPS = (*WRITES, *ASKED, "million", AUDIT, ACCESS, TOKEN_CHECK, SUSTAINED, LIVE, SUBSCRIPTIONS, BESIDE)
OBSERVATIONS, BATCH, ENTRIES = 100_000, 250, 100


async def write(running: Server, report: Report, groups: frozenset[str], scale: int) -> None:
    """Measures the groups that write, and the reads of what was written."""
    if "ingest" in groups:
        await _ingest(running, report, scale)
    else:
        await fill.fill(running.database_url, records.readings(0, OBSERVATIONS // scale))
    for group, measured in _WRITES.items():
        if group in groups:
            await measured(running, report, scale)


async def ask(running: Server, report: Report, groups: frozenset[str], scale: int) -> None:
    """Measures the questions on a server that has nothing yet; `million` asks them again over ten times as many Observations."""
    questions = [question for question in QUESTIONS if question.group in groups]
    fill.hold_autovacuum(running.database_url)
    await fill.fill(running.database_url, records.readings(0, OBSERVATIONS // scale))
    await _surroundings(running, report, scale)
    before = await _ask(running, report, questions, scale)
    if "million" in groups:
        there = fill.observations(running.database_url)
        more = records.readings(
            OBSERVATIONS // scale // 2 // records.WARD, 10 * OBSERVATIONS // scale - there
        )
        await fill.fill(running.database_url, more)
        await fill.fill_provenances(running.database_url)
        after = await _ask(running, report, questions, scale)
        for asked, seconds in after.items():
            report.say(
                f"{', '.join(asked)}: {seconds / before[asked]:.2f} times the CPU over ten times the data"
            )


async def audit(kept: Server, unkept: Server, report: Report, scale: int) -> None:
    """What the audit costs: reads, creates and transactions with it and without, in turn, so that both meet the same noise."""
    for running in (kept, unkept):
        await fill.fill(running.database_url, records.readings(0, OBSERVATIONS // scale // 5))
    for name, connections, requests in _AUDITED:
        spent = {"with": 0.0, "without": 0.0}
        for _ in range(_TURNS):
            for label, running in (("with", kept), ("without", unkept)):
                known = ids(running.database_url)
                load, cpu = await _measured(running, requests(known, scale), connections)
                report.row(f"{name}, {connections} connections, {label} audit", load, cpu)
                spent[label] += sum(cpu)
        more = spent["with"] / spent["without"] - 1
        report.say(f"{name}, {connections} connections: the audit takes {more:.0%} more CPU")


async def _ingest(running: Server, report: Report, scale: int) -> None:
    devices = await content.oximeters(running.database_url, running.data_dir, records.WARD)
    readings, size = OBSERVATIONS // scale // 2, BATCH // scale
    load, cpu = await _measured(running, content.batches(devices, readings, size))
    floor = await asyncio.to_thread(floors.copy, running.database_url, readings)
    name = f"ingest, batches of {size} readings, Observations"
    report.row(name, load, cpu, floor=floor, aim=0.13, units=2 * readings)
    load, cpu = await _measured(running, content.single(devices, 5_000 // scale, readings // records.WARD))
    report.row("ingest, one signed reading a request", load, cpu)


async def _create(running: Server, report: Report, scale: int) -> None:
    load, cpu = await _measured(running, content.creates(10_000 // scale))
    floor = await floors.insert(running.database_url, 10_000 // scale)
    report.row("create", load, cpu, floor=floor.rate, aim=0.6)


async def _read(running: Server, report: Report, scale: int) -> None:
    known = ids(running.database_url)
    load, cpu = await _measured(running, content.reads(known, 20_000 // scale))
    floor = await floors.select(running.database_url, OBSERVATION, known, 20_000 // scale)
    report.row("read", load, cpu, floor=floor.rate, aim=0.25)


async def _transaction(running: Server, report: Report, scale: int) -> None:
    await _bundles(running, report, "transaction", 14, scale)


async def _batch(running: Server, report: Report, scale: int) -> None:
    await _bundles(running, report, "batch", 18, scale)


async def _bundles(running: Server, report: Report, type: str, aim: float, scale: int) -> None:
    count = 500 // scale
    load, cpu = await _measured(running, content.bundles(type, count, ENTRIES))
    floor = await floors.bundle(running.database_url, count, ENTRIES)
    report.row(f"{type} of {ENTRIES} creates", load, cpu, floor=floor.rate, aim=aim)


async def _history(running: Server, report: Report, scale: int) -> None:
    count = 200
    await _measured(running, content.versions(count))
    load, cpu = await _measured(running, content.histories(count, 5_000 // scale))
    floor = await floors.history(running.database_url, OBSERVATION, count, 5_000 // scale)
    report.row(f"history of {content.VERSIONS} versions", load, cpu, floor=floor.rate, aim=0.35)


_TURNS = 3
_AUDITED: Final[tuple[tuple[str, int, Callable[[list[str], int], Iterator[bytes]]], ...]] = (
    ("read", 8, lambda ids, scale: content.reads(ids, 6_000 // scale)),
    ("read", 64, lambda ids, scale: content.reads(ids, 6_000 // scale)),
    ("create", 8, lambda _, scale: content.creates(3_000 // scale)),
    ("transaction of 100 creates", 8, lambda _, scale: content.bundles("transaction", 100 // scale, ENTRIES)),
)

_WRITES = {
    "create": _create,
    "read": _read,
    "transaction": _transaction,
    "batch": _batch,
    "history": _history,
}


async def _surroundings(running: Server, report: Report, scale: int) -> None:
    """The patients, and what else the questions find."""
    url = running.database_url
    report.say(f"{records.TOWN // scale:,} patients are put in")
    for drafts in (records.ward(), records.town(records.TOWN // scale), records.rare()):
        await fill.fill(url, drafts)
    await fill.fill_provenances(url)


async def _ask(
    running: Server, report: Report, questions: list[Question], scale: int
) -> dict[tuple[str, str], float]:
    """The CPU seconds of each question, before and after ANALYZE."""
    size, taken = fill.observations(running.database_url), {}
    for label, statement in (("as it stands", "SELECT 1"), ("after ANALYZE", "ANALYZE")):
        report.say(f"{size:,} Observations, {label}")
        with psycopg.connect(running.database_url, autocommit=True) as connection:
            connection.execute(statement)
        for question in questions:
            _look(running, question)
            count = question.count // scale
            load, cpu = await _measured(running, question.requests(count))
            floor = await floors.answer(running.database_url, question.floor, count)
            name = f"{question.name}; {size:,}, {label}"
            report.row(name, load, cpu, floor=floor.rate, aim=question.aim)
            taken[question.name, label] = sum(cpu)
    return taken


def _look(running: Server, question: Question) -> None:
    """Ends the run when the question does not find what it is known to: nothing is found fastest."""
    address = f"http://127.0.0.1:{running.port}/fhir/{question.path(1)}"
    asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(asked) as answer:
            found = len(json.load(answer).get("entry", []))
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{question.name}: {error} {error.read()[:300]!r}") from error
    if found < question.entries:
        raise SystemExit(f"{question.name} found {found} of {question.entries}")


async def _measured(
    running: Server, requests: Iterator[bytes], connections: int = CONNECTIONS
) -> tuple[Load, tuple[float, float]]:
    before = running.cpu()
    load = await drive(running.port, requests, connections)
    after = running.cpu()
    if set(load.statuses) - {200, 201}:
        raise SystemExit(f"statuses {load.statuses}: the benchmark measures successes only")
    return load, (after[0] - before[0], after[1] - before[1])


def ids(url: str) -> list[str]:
    """The ids of the first Observations that are there."""
    with psycopg.connect(url) as connection:
        sql = "SELECT id FROM resource WHERE type = %s AND NOT deleted ORDER BY rid LIMIT 50000"
        return [id for (id,) in connection.execute(sql, (OBSERVATION,))]
