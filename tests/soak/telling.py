"""The events of subscriptions held against what was committed: each told of once, under one number, in order.

docs/operations.md, "Faults"
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from tests.soak.subscriber import Heard, Notice

PATIENCE_SECONDS = 60.0
"""How long events may stay away when all is well again."""

_TYPES = {number: name for name, number in RESOURCE_TYPES.items()}

_COMMITTED = """
SELECT c.type, r.id, c.version, NOT pg_visible_in_snapshot(c.xid, s.since),
       CASE WHEN r.version = c.version THEN r.body ELSE h.body END::text,
       c.version = 1 OR b.body IS NULL
  FROM subscription s, change_log c JOIN resource r USING (rid)
  LEFT JOIN resource_history h ON h.rid = c.rid AND h.version = c.version AND r.version <> c.version
  LEFT JOIN resource_history b ON b.rid = c.rid AND b.version = c.version - 1
 WHERE s.id = %s AND c.type = ANY(%s) ORDER BY c.last_updated, c.seq"""

_NUMBERED = """
SELECT e.number, e.type, e.id, e.version FROM subscription_event e JOIN subscription s ON s.key = e.subscription
 WHERE s.id = %s ORDER BY e.number"""


class Committed(NamedTuple):
    """A version that is stored: what it is of, and its content; None of a deletion. `is_new`: nothing was there before it."""

    type: str
    id: str
    version: int
    body: dict[str, Any] | None  # JSON
    is_new: bool

    @property
    def change(self) -> str:
        """What became of the resource."""
        if self.body is None:
            return "delete"
        return "create" if self.is_new else "update"


Matching: TypeAlias = Callable[[Committed], bool]
Key: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Watch:
    """A Subscription `id`, which asks for those changes of the `types` that `matches` says."""

    id: str
    types: tuple[str, ...]
    matches: Matching


def created(found: Committed) -> bool:
    return found.change == "create"


def updated(found: Committed) -> bool:
    return found.change == "update"


def deleted(found: Committed) -> bool:
    return found.change == "delete"


def created_about(patient: str) -> Matching:
    """What matches new resources about the patient."""
    return lambda found: created(found) and (found.body or {})["subject"]["reference"] == patient


def expected(url: str, watch: Watch) -> list[Key]:
    """What is to be told of, as (`Type/id`, version): everything that matches and was committed after it was asked for."""
    numbers = [RESOURCE_TYPES[type] for type in watch.types]
    with psycopg.connect(url) as connection:
        found = connection.execute(_COMMITTED, (watch.id, numbers)).fetchall()
    versions = [
        Committed(_TYPES[type], id, version, None if body is None else json.loads(body), is_new)
        for type, id, version, after, body, is_new in found
        if after
    ]
    return [(f"{one.type}/{one.id}", one.version) for one in versions if watch.matches(one)]


def numbered(url: str, id: str) -> dict[int, Key]:
    """The events of a Subscription by their numbers, as the database has them."""
    with psycopg.connect(url) as connection:
        found = connection.execute(_NUMBERED, (id,)).fetchall()
    return {number: (f"{_TYPES[type]}/{focus}", version) for number, type, focus, version in found}


async def all_numbered(url: str, watches: Mapping[str, Watch]) -> dict[str, dict[int, Key]]:
    """The events of each by their numbers, when there are as many as are expected, or when no more come."""
    wanted = {name: len(await asyncio.to_thread(expected, url, watch)) for name, watch in watches.items()}
    given: dict[str, dict[int, Key]] = {}

    async def open() -> int:
        for name, watch in watches.items():
            given[name] = await asyncio.to_thread(numbered, url, watch.id)
        return sum(max(0, wanted[name] - len(given[name])) for name in watches)

    await _awaited(open)
    return given


async def all_heard(given: Mapping[str, dict[int, Key]], heard: Mapping[str, Callable[[], set[int]]]) -> None:
    """Returns when every number was heard by who is to hear it, or when no more come."""

    async def open() -> int:
        return sum(len(given[name].keys() - numbers()) for name, numbers in heard.items())

    await _awaited(open)


async def _awaited(open: Callable[[], Awaitable[int]]) -> None:
    """Returns when nothing is open any more, or for long there is not less."""
    least, limit = await open(), time.monotonic() + PATIENCE_SECONDS
    while least and time.monotonic() < limit:
        await asyncio.sleep(0.5)
        if (left := await open()) < least:
            least, limit = left, time.monotonic() + PATIENCE_SECONDS


def misnumbered(url: str, watch: Watch) -> list[str]:
    """What is wrong with the numbers: something left out, told twice, not committed, or out of its order."""
    wanted, given = expected(url, watch), numbered(url, watch.id)
    told = list(given.values())
    faults = []
    if sorted(given) != list(range(1, len(given) + 1)):
        faults.append(f"numbers are skipped: {len(given)} up to {max(given, default=0)}")
    if missing := set(wanted) - set(told):
        faults.append(f"{len(missing)} of {len(wanted)} changes have no number: {sorted(missing)[:5]}")
    if invented := set(told) - set(wanted):
        faults.append(f"{len(invented)} events are of no such change: {sorted(invented)[:5]}")
    if len(told) != len(set(told)):
        faults.append(f"{len(told) - len(set(told))} changes have two numbers")
    return [f"{watch.id}: {each}" for each in (*faults, *_disordered(told))]


def misheard(given: dict[int, Key], notices: Sequence[Notice], *, first: int = 1) -> list[str]:
    """What is wrong with what a subscriber heard, who was to hear everything from the number `first` on.

    They hear each number, never one before another that is lower for the first time, and about what it is; the same number
    in the same Bundle however often it comes.
    """
    heard = [event for notice in notices for event in notice.events]
    faults = []
    if missing := {number for number in given if number >= first} - {event.number for event in heard}:
        faults.append(f"{len(missing)} of {len(given)} events were not heard: {sorted(missing)[:5]}")
    if strange := [event for event in heard if not _is_of(event, given)]:
        faults.append(f"{len(strange)} events were told wrong: {strange[:3]}, {given.get(strange[0].number)}")
    firsts = list(dict.fromkeys(event.number for event in heard))
    if firsts != sorted(firsts):
        faults.append("events were told out of order")
    return faults


def rebundled(notices: Iterable[Notice]) -> list[str]:
    """Numbers that came in Bundles of several ids: who hears them twice cannot know by the id."""
    bundles = defaultdict[int, set[str]](set)
    for notice in notices:
        for event in notice.events:
            bundles[event.number].add(notice.bundle)
    several = {number: ids for number, ids in bundles.items() if len(ids) > 1}
    return [f"{len(several)} numbers came in several Bundles: {sorted(several)[:5]}"] if several else []


def duplicates(heard: Sequence[Heard]) -> int:
    """How many events came again."""
    return len(heard) - len({event.number for event in heard})


def _is_of(event: Heard, given: dict[int, Key]) -> bool:
    if event.number not in given:
        return False
    focus, version = given[event.number]
    return event.focus in {"", focus} and event.version in {None, version}


def _disordered(told: Sequence[Key]) -> list[str]:
    """Resources of which a version has a higher number than a later one."""
    last = dict[str, int]()
    for focus, version in told:
        if version <= last.get(focus, 0):
            return [f"{focus}: version {version} is told after {last[focus]}"]
        last[focus] = version
    return []
