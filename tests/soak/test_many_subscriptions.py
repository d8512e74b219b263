"""Ten thousand subscriptions of which one is told, and a burst of fifty thousand writes.

docs/operations.md, "Faults"
"""

import json
import statistics
import time

import psycopg
import pytest

from tests.soak.client import FHIR, Client
from tests.soak.load import observation
from tests.soak.server import serving
from tests.soak.subscriber import subscriber
from tests.soak.subscribing import LOOPBACK, await_standing, by_topic, observing, subscribed
from tests.soak.telling import Watch, all_heard, all_numbered, created_about, misheard, misnumbered

pytestmark = pytest.mark.soak

MANY, BURST, ENTRIES = 10_000, 50_000, 500


async def test_of_ten_thousand_subscriptions_one_is_told_and_a_burst_of_fifty_thousand_writes_comes_whole():
    with serving(workers=2, FHIR_OUTBOUND_ALLOW=LOOPBACK) as server, subscriber() as hearing:
        client = Client(server.port)
        before = await seconds_of_a_write(client, "before")
        await many_subscribed(client)
        of_one = by_topic("new-reading", "patient=Patient/c7", endpoint=hearing.url("one"))
        one = Watch(await subscribed(client, of_one), ("Observation",), created_about("Patient/c7"))
        every = await observing(client, hearing.url("every"))
        await await_standing(client, [one.id, every.id], "active", 60)
        after = await seconds_of_a_write(client, "after")
        watches = {"one": one, "every": every}

        started = time.monotonic()
        await burst(client)
        client.close()
        written = time.monotonic() - started
        given = await all_numbered(server.database_url, watches)
        counted = time.monotonic() - started
        await all_heard(given, {name: lambda name=name: hearing.numbers(name) for name in watches})
        heard = time.monotonic() - started
        print(f"\na write: {1000 * before:.1f} ms without subscriptions, {1000 * after:.1f} ms with {MANY}")
        print(f"{BURST} writes in {written:.1f} s, numbered after {counted:.1f} s, heard after {heard:.1f} s")

        assert len(given["every"]) >= BURST
        assert with_events(server.database_url) == {one.id, every.id}
        for name, watch in watches.items():
            assert misnumbered(server.database_url, watch) == []
            assert misheard(given[name], hearing.notices(name)) == []
        assert hearing.faults == []
        assert server.failures() == []


async def many_subscribed(client: Client) -> None:
    """MANY subscriptions, each to the readings of a patient of whom there are none."""
    for first in range(0, MANY, ENTRIES):
        bodies = [
            by_topic("new-reading", f"patient=Patient/n{first + n}", channel="sse") for n in range(ENTRIES)
        ]
        await transacted(client, "Subscription", bodies)


async def burst(client: Client) -> None:
    """BURST Observations, as fast as they are taken."""
    for first in range(0, BURST, ENTRIES):
        bodies = [json.loads(observation(f"b-{first + n}", first + n)) for n in range(ENTRIES)]
        await transacted(client, "Observation", bodies)


async def transacted(client: Client, type: str, bodies: list[dict[str, object]]) -> None:
    """Creates them all in one transaction."""
    request = {"method": "POST", "url": type}
    entries = [{"resource": body, "request": request} for body in bodies]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = await client.send("POST", "/fhir", FHIR, json.dumps(bundle).encode())
    assert answer.status == 200, answer.body[:500]


async def seconds_of_a_write(client: Client, mark: str) -> float:
    """The middle of two hundred."""
    sent = [
        await client.send("POST", "/fhir/Observation", FHIR, observation(f"{mark}-{n}", n))
        for n in range(200)
    ]
    assert {answer.status for answer in sent} == {201}
    return statistics.median(answer.seconds for answer in sent)


def with_events(url: str) -> set[str]:
    """The ids of the subscriptions that have any event."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT DISTINCT s.id FROM subscription s JOIN subscription_event e ON e.subscription = s.key"
        )
        return {id for (id,) in found}
