"""Fifty kills under load, of workers, leaders and postmasters: no event is lost, none is told under two numbers.

docs/operations.md, "Faults"; `SOAK_SEED` repeats a run
"""

import asyncio
import os
import random
import signal
import time
from collections import defaultdict

import pytest

from tests.soak.audit import broken_promises
from tests.soak.client import Client, gathered
from tests.soak.faults import await_gone, patience, postmaster, worker
from tests.soak.followers import Follower, by_events, by_socket
from tests.soak.ledger import Ledger
from tests.soak.load import Load, registered
from tests.soak.server import Server, serving
from tests.soak.subscriber import Manner, Mannered, Subscriber, subscriber
from tests.soak.subscribing import CREATED, LOOPBACK, await_standing, by_search, by_topic, leader, subscribed
from tests.soak.telling import (
    Key,
    Watch,
    all_heard,
    all_numbered,
    created,
    created_about,
    deleted,
    duplicates,
    misheard,
    misnumbered,
    rebundled,
    updated,
)

pytestmark = pytest.mark.soak

RATE = "http://loinc.org|8867-4"
WORKERS = 3
SEED = int(os.environ.get("SOAK_SEED", "20260106"))


async def test_fifty_kills_lose_no_event_and_skip_no_number():
    chance = random.Random(SEED)
    kills = [worker] * 14 + [leading] * 20 + [postmaster] * 16
    chance.shuffle(kills)
    took: dict[str, list[float]] = defaultdict(list)
    with serving(workers=WORKERS, FHIR_OUTBOUND_ALLOW=LOOPBACK) as server, subscriber() as hearing:
        devices = await registered(server.database_url, server.data_dir, 3)
        watches = await watched(server, hearing)
        hearing.manners["moody"] = moody(chance)
        streamed, bound = (Follower(server.port, watches[name].id) for name in ("streamed", "bound"))
        following = [asyncio.create_task(by_events(streamed)), asyncio.create_task(by_socket(bound))]
        ledger = Ledger()
        load = Load(server.port, ledger, devices, pause=0.02)
        clients = load.start(clients=2)
        started = time.monotonic()
        for kill in kills:
            await asyncio.sleep(chance.uniform(0.05, 2.0))
            await asyncio.to_thread(kill, server, chance)
            took[kill.__name__].append(await asyncio.to_thread(back, server))
        await asyncio.sleep(2)
        load.stop()
        await gathered(*clients, seconds=90)
        await load.settled()
        stormed = time.monotonic() - started

        hearing.manners.clear()
        url = server.database_url
        given = await all_numbered(url, watches)
        pushed = watches.keys() - {"streamed", "bound", "plain"}
        heard = {name: lambda name=name: hearing.numbers(name) for name in pushed}
        heard |= {"streamed": streamed.numbers, "bound": bound.numbers}
        await all_heard(given, heard | {"plain": lambda: plainly(given["plain"], hearing)})
        print(f"\n{stormed:.0f} s of storm, {time.monotonic() - started - stormed:.0f} s until all was heard")
        await ended(following)
        report(ledger, took, given, hearing, [streamed, bound])

        assert ledger.faults == []
        assert broken_promises(url, ledger) == []
        assert [fault for watch in watches.values() for fault in misnumbered(url, watch)] == []
        for name in pushed:
            assert misheard(given[name], hearing.notices(name)) == [], name
            assert rebundled(hearing.notices(name)) == [], name
        for name, follower in (("streamed", streamed), ("bound", bound)):
            assert misheard(given[name], follower.notices) == [], name
            assert follower.faults == []
        assert plainly(given["plain"], hearing) == given["plain"].keys()
        assert hearing.faults == []
        assert min(map(len, given.values())) > 20
        assert server.failures() == []
        assert server.stop() == 0


async def watched(server: Server, hearing: Subscriber) -> dict[str, Watch]:
    """Subscriptions of every channel and kind, all of them active."""
    client = Client(server.port)
    seven = ("Observation?patient=Patient/c7", f"code={RATE}")
    asked = {
        "whole": (by_topic(CREATED, endpoint=hearing.url("whole"), content="full-resource"), created),
        "moody": (by_topic(CREATED, endpoint=hearing.url("moody")), created),
        "updated": (by_topic("Patient-updated", endpoint=hearing.url("updated"), most=1), updated),
        "deleted": (by_topic("Patient-deleted", endpoint=hearing.url("deleted")), deleted),
        "seven": (
            by_topic("new-reading", *seven, endpoint=hearing.url("seven")),
            created_about("Patient/c7"),
        ),
        "plain": (
            by_search("Observation?patient=Patient/c3", hearing.url("plain")),
            created_about("Patient/c3"),
        ),
        "streamed": (by_topic(CREATED, channel="sse"), created),
        "bound": (by_topic("Patient-updated", channel="websocket"), updated),
    }
    watches = {}
    for name, (body, matches) in asked.items():
        type = "Patient" if matches in {updated, deleted} else "Observation"
        watches[name] = Watch(await subscribed(client, body), (type,), matches)
    await await_standing(client, [watch.id for watch in watches.values()], "active", 60)
    client.close()
    return watches


def leading(server: Server, chance: random.Random) -> None:
    """The process that numbers the events; another one where nobody does as yet."""
    _, pid = leader(server)
    if pid not in server.worker_pids():
        worker(server, chance)
        return
    os.kill(pid, signal.SIGKILL)
    await_gone(pid)


def back(server: Server) -> float:
    """The seconds until the server answers again, though not every worker may be there yet."""
    started, limit = time.monotonic(), 3 * patience()
    while len(server.worker_pids()) < WORKERS - 1 or server.status("/ready") != 200:
        assert time.monotonic() - started < limit, server.console()
        time.sleep(0.05)
    return time.monotonic() - started


def moody(chance: random.Random) -> Mannered:
    """Kind in four of five cases."""
    manners = [
        Manner(status=500),
        Manner(status=429, headers=(("Retry-After", "1"),)),
        Manner(cut="request"),
        Manner(cut="answer"),
        Manner(seconds=0.5),
    ]
    return lambda: chance.choice(manners) if chance.random() < 0.2 else Manner()


def plainly(given: dict[int, Key], hearing: Subscriber) -> set[int]:
    """The numbers of what the subscriber of R4's own kind was sent, where neither numbers nor Bundles are told."""
    heard = {(event.focus, event.version) for event in hearing.events("plain")}
    return {number for number, key in given.items() if key in heard}


async def ended(tasks: "list[asyncio.Task[None]]") -> None:
    """Raises what one of them raised, else cancels them."""
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def report(
    ledger: Ledger,
    took: dict[str, list[float]],
    given: dict[str, dict[int, Key]],
    hearing: Subscriber,
    followers: list[Follower],
) -> None:
    print(f"\nseed {SEED}; answers by status (0: none): {dict(sorted(ledger.statuses.items()))}")
    for name, seconds in took.items():
        print(f"{name}: {len(seconds)} kills, back after {max(seconds):.1f} s at most")
    for name, numbers in given.items():
        again = duplicates(hearing.events(name)) if hearing.numbers(name) - {0} else 0
        print(f"{name}: {len(numbers)} events, {again} heard again")
    for one in followers:
        print(
            f"{one.id}: {one.connections} connections, {duplicates(one.events())} heard again, {one.refusals}"
        )
