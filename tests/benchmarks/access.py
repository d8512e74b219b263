"""What it costs that a caller may not see everything: the same searches by an operator, by an app of one patient, under a filter.

docs/adr/0017-access.md

Asked of the search itself, without HTTP, which costs every caller the same: so the ratio is higher than a client's.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from fhir_server.search.access import access, caller
from fhir_server.search.plan import Limits
from fhir_server.search.searchset import Asking, search
from fhir_server.store.database import Connection, Database
from smart_auth.principal import EVERY_SCOPE, Principal
from terminology.service import NoTerminologyService
from tests.benchmarks import fill, records
from tests.benchmarks.processes import Server
from tests.benchmarks.table import Report

_TURNS: Final = 5
_VITALS: Final = "category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
_CODE: Final = "http://loinc.org|59408-5"
_SEARCHES: Final = (
    f"Observation?patient=p1&code={_CODE}&_sort=-date&_count=50",
    "Observation?patient=p1&_sort=-date&_count=50",
    f"Observation?patient=p1&code={_CODE}&_sort=-date&_count=10&_include=Observation:patient",
)
_CALLERS: Final[Mapping[str, Principal]] = {
    "everything": Principal("operator", EVERY_SCOPE, auditor=True),
    "patient/*.rs": Principal("app", frozenset({"patient/*.rs"}), patient="p1"),
    "patient/*.rs?category=…": Principal(
        "app", frozenset({"patient/Patient.rs", f"patient/Observation.rs?{_VITALS}"}), patient="p1"
    ),
}


async def compare(running: Server, report: Report, observations: int, count: int) -> None:
    """Says how much more CPU, of this process and the database, each limited caller's searches take."""
    await fill.fill(running.database_url, records.readings(0, observations))
    await fill.fill(running.database_url, records.ward())
    database = Database(running.database_url, size=2)
    await database.open()
    async with database.connection() as connection:
        await connection.execute("ANALYZE")
        for asked in _SEARCHES:
            spent = dict.fromkeys(_CALLERS, 0.0)
            for turn in range(_TURNS):
                for name, principal in _CALLERS.items():
                    seconds = await _timed(running, connection, asked, principal, count)
                    spent[name] += seconds if turn else 0.0  # the first is to warm up
            whole = spent["everything"]
            for name, seconds in spent.items():
                per = 1e6 * seconds / count / (_TURNS - 1)
                report.say(f"{asked}: {name} {per:.0f} µs of CPU, {seconds / whole - 1:+.0%}")
    await database.close()


async def _timed(
    running: Server, connection: Connection, asked: str, principal: Principal, count: int
) -> float:
    """The CPU seconds of so many searches."""
    type, _, query = asked.partition("?")
    pairs, found = tuple(parse_qsl(query)), 0
    before, own = running.cpu()[1], time.process_time()
    for _ in range(count):
        page = await search(connection, type, pairs, access(principal), _asking(principal))
        found += page.count
    if found < count:
        raise SystemExit(f"{asked} found nothing for {principal.scopes}")
    return time.process_time() - own + running.cpu()[1] - before


def _asking(principal: Principal) -> Asking:
    return Asking(
        caller=caller(principal),
        now=datetime.now(UTC),
        base_url="http://bench.example/fhir",
        handling="strict",
        limits=Limits(50, 1000),
        cursor_key=b"k" * 32,
        terminology=NoTerminologyService(),
    )
