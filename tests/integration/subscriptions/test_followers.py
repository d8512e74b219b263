"""Those who are connected are told of what was numbered: each in order, each by their own rights, and nobody waits for another."""

import asyncio
import json
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fhir_server.interactions.write import prepare_tree
from fhir_server.store.subscriptions import events
from fhir_server.store.subscriptions.events import Unnumbered
from fhir_server.store.subscriptions.following import stands
from fhir_server.subscriptions import stream
from fhir_server.subscriptions.as_json import asked_from, asked_json
from fhir_server.subscriptions.model import Asked, Channel, Criterion
from fhir_server.subscriptions.news import Ended, Following, Told
from fhir_server.subscriptions.stream import Followers
from smart_auth.principal import EVERY_SCOPE, Principal

AT = datetime(2026, 1, 1, tzinfo=UTC)
WATCHED = Criterion("Basic", "", frozenset({"create"}))
ASKED = Asked("s", "urn:t", (WATCHED,), Channel("sse", None, "application/fhir+json", "full-resource"))
ME = Principal("client:me", EVERY_SCOPE, "me")
BLIND = Principal("client:blind", frozenset({"system/Subscription.rs"}), "blind")


async def as_said(some):
    """Everyone is who they say, as long as they say who they are."""
    return {one: one.whose for one in some if one.whose is not None}


@asynccontextmanager
async def following(database, *callers):
    """Those who follow one Subscription from its start, and the one who tells them."""
    async with database.connection() as connection:
        await connection.execute(
            "WITH made AS (INSERT INTO subscription (id, owner_key, owner, asked, state, since, started_at) "
            "VALUES ('s', 'k', '{}', %s, 'active', pg_current_snapshot(), now()) RETURNING key) "
            "INSERT INTO subscription_progress (subscription, due_at) SELECT key, 'infinity' FROM made",
            (json.dumps(asked_json(ASKED)),),
        )
        (key,) = await (await connection.execute("SELECT key FROM subscription")).fetchone()
        stand = (await stands(connection, [key]))[key]
    followers = Followers(database)
    asked = asked_from("s", json.loads(stand.asked))
    found = [Following(key, asked, as_said, one, "http://x/fhir", 0, stand) for one in callers]
    running = asyncio.create_task(followers.run())
    with ExitStack() as stack:
        for one in found:
            stack.enter_context(followers.joined(one))
        yield followers, found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def happened(database, key, number):
    async with database.transaction() as work:
        trees = [{"resourceType": "Basic", "code": {"text": str(place)}} for place in range(number)]
        made = await work.create_all([prepare_tree("Basic", one, method="POST") for one in trees])
    async with database.connection() as connection:
        await events.number(
            connection, [Unnumbered(key, AT, "create", "Basic", one.id, None, 1) for one in made]
        )
    database.wakes.numbered()


async def told(followers, one):
    async with asyncio.timeout(10):
        return await followers.news(one)


def numbers(news):
    parameters = json.loads(news.notification.body)["entry"][0]["resource"]["parameter"]
    return [int(one["part"][0]["valueString"]) for one in parameters if "part" in one]


@pytest.mark.item("sub-G4")
@pytest.mark.item("sub-G7")
async def test_one_who_reads_nothing_delays_nobody_and_is_told_all_of_it_later(database):
    async with following(database, ME, ME) as (followers, (quick, slow)):
        await happened(database, quick.key, 1)
        assert [(await told(followers, one)).last for one in (quick, slow)] == [1, 1]
        for _ in range(2):
            await happened(database, quick.key, 70)
            assert len(numbers(await told(followers, quick))) == 70
        found = []
        while len(found) < 140:
            found += numbers(await told(followers, slow))
        assert found == [*range(2, 142)]
        assert slow.after == quick.after == 141


async def test_contents_that_are_large_together_come_in_several_notifications(database, monkeypatch):
    monkeypatch.setattr(stream, "MOST_BYTES", 1_000)
    async with following(database, ME, ME) as (followers, both):
        await happened(database, both[0].key, 30)
        for one in both:
            found, times = [], 0
            while len(found) < 30:
                found += numbers(await told(followers, one))
                times += 1
            assert (found, times > 2) == ([*range(1, 31)], True)


@pytest.mark.item("sub-G6")
@pytest.mark.item("access-subscription")
async def test_each_is_told_by_rights_of_their_own_and_nothing_without_any(database):
    async with following(database, ME, BLIND, None) as (followers, (seeing, blind, nobody)):
        await happened(database, seeing.key, 1)
        shown = json.loads((await told(followers, seeing)).notification.body)["entry"][1]
        assert shown["resource"]["code"] == {"text": "0"}
        assert await told(followers, blind) == Ended("rights")
        assert await told(followers, nobody) == Ended("rights")


async def test_what_cannot_be_told_to_some_silences_nobody_else(database):
    async with following(database, ME, ME) as (followers, (broken, whole)):
        broken.whose = "of whom nothing is known"
        await happened(database, broken.key, 1)
        assert await told(followers, broken) == Ended("failure")
        assert (await told(followers, whole)).last == 1


@pytest.mark.item("leak-13")
async def test_what_the_subscription_asks_for_now_decides_how_much_is_told(database):
    async with following(database, ME) as (followers, (one,)):
        less = replace(ASKED, channel=replace(ASKED.channel, content="empty"))
        async with database.connection() as connection:
            await connection.execute("UPDATE subscription SET asked = %s", (json.dumps(asked_json(less)),))
        await happened(database, one.key, 1)
        news = await told(followers, one)
        assert isinstance(news, Told)
        assert len(json.loads(news.notification.body)["entry"]) == 1
        assert b"Basic" not in news.notification.body
