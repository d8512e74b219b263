"""Subscribers of every bad manner, a transaction that idles, leaders that sleep and wake up: nobody else is harmed.

docs/operations.md, "Faults"
"""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from fhir_server.store.subscriptions import cursor
from tests.soak.audit import broken_promises
from tests.soak.client import Client, gathered
from tests.soak.ledger import Ledger
from tests.soak.load import Load
from tests.soak.server import Server, send, serving
from tests.soak.subscriber import Mannered, always, subscriber
from tests.soak.subscribing import LOOPBACK, await_standing, leader, observing
from tests.soak.telling import all_heard, all_numbered, misheard, misnumbered, rebundled

pytestmark = pytest.mark.soak


async def test_no_manner_of_a_subscriber_harms_another_and_a_leader_that_slept_numbers_nothing():
    with (
        serving(workers=3, FHIR_OUTBOUND_ALLOW=LOOPBACK) as server,
        subscriber() as hearing,
        subscriber() as elsewhere,
        subscriber() as absent,
        idle_transaction(server.database_url),
    ):
        client = Client(server.port)
        names = ("kind", "slow", "failing", "busy", "cut short", "half read", "gone", "refusing", "elsewhere")
        watches = {name: await observing(client, hearing.url(name.replace(" ", "-"))) for name in names}
        watches["absent"] = await observing(client, absent.url("absent"))
        await await_standing(client, [watch.id for watch in watches.values()], "active", 60)
        client.close()
        hearing.manners |= bad_manners(elsewhere.url("elsewhere"))
        absent.down()
        ledger = Ledger()
        load = Load(server.port, ledger, [], pause=0.02)
        clients = load.start(clients=2)
        asleep = await fallen_asleep(server)
        slept = [await asyncio.to_thread(woken_late, server) for _ in range(3)]
        await asleep.close()
        load.stop()
        await gathered(*clients, seconds=90)

        url = server.database_url
        kind = await all_numbered(url, {"kind": watches["kind"]})
        await all_heard(kind, {"kind": lambda: hearing.numbers("kind")})
        assert hearing.numbers("slow") < kind["kind"].keys(), "nobody waits for one who is slow"

        hearing.manners.clear()
        absent.up()
        for name, status in (("gone", "off"), ("refusing", "error"), ("elsewhere", "error")):
            await await_standing(client, [watches[name].id], status, 30)
        client.close()
        served = {name: watch for name, watch in watches.items() if name != "gone"}
        given = await all_numbered(url, served)
        ears = {name: (absent if name == "absent" else hearing) for name in served}
        await all_heard(given, {name: lambda name=name: ears[name].numbers(path(name)) for name in served})
        print(f"\n{len(given['kind'])} events for each; {slept} s until another led")
        print(f"requests: {dict(hearing.requests)}, {dict(absent.requests)}")

        assert ledger.faults == []
        assert broken_promises(url, ledger) == []
        for name, watch in served.items():
            notices = ears[name].notices(path(name))
            assert misnumbered(url, watch) == [], name
            assert misheard(given[name], notices) == [], name
            assert rebundled(notices) == [], name
        assert elsewhere.requests == {}
        assert hearing.faults == []
        assert server.failures() == []


async def fallen_asleep(server: Server) -> psycopg.AsyncConnection:
    """A connection of one who leads and falls asleep while it numbers, after which nobody else could."""
    connection = await psycopg.AsyncConnection.connect(server.database_url)
    await cursor.hold(connection, leader(server)[0])
    return connection


def woken_late(server: Server) -> float:
    """The seconds until another process led; then the one that led before wakes up, in the belief that it still does."""
    epoch, pid = leader(server)
    started = time.monotonic()
    send([pid], signal.SIGSTOP)
    try:
        while leader(server)[0] == epoch:
            assert time.monotonic() - started < 60, "nobody leads in the place of one that sleeps"
            time.sleep(0.2)
    finally:
        send([pid], signal.SIGCONT)
    took = time.monotonic() - started
    time.sleep(2)
    return round(took, 1)


def bad_manners(elsewhere: str) -> dict[str, Mannered]:
    """How each of the subscribers behaves, by its name."""
    return {
        "slow": always(seconds=5),
        "failing": always(status=500),
        "busy": always(status=429, headers=(("Retry-After", "2"),)),
        "cut-short": always(cut="answer"),
        "half-read": always(cut="request"),
        "gone": always(status=410),
        "refusing": always(status=403),
        "elsewhere": always(status=307, headers=(("Location", elsewhere),)),
    }


def path(name: str) -> str:
    return name.replace(" ", "-")


@contextmanager
def idle_transaction(url: str) -> Iterator[None]:
    """A transaction that has a number and does nothing, as long as the block lasts."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_current_xact_id()")
        yield
        connection.rollback()
