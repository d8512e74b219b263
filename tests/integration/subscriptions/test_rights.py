"""Whoever lost the right to be told is told nothing, and nothing of what they may not see any more."""

from datetime import UTC, datetime

import pytest

from fhir_server.search.access import access
from fhir_server.search.served_resources import ServedResources
from fhir_server.store.smart.standings import Standings
from fhir_server.subscriptions.contents import contents
from fhir_server.subscriptions.model import Event
from smart_auth.principal import EVERY_SCOPE, Everything, Principal
from tests.integration.store.test_standings import app
from tests.integration.subscriptions import leading
from tests.integration.subscriptions.leading import delete, put
from tests.integration.subscriptions.subscriber import (
    delivering,
    happened,
    listening,
    patient,
    subscribe,
    until,
)

TAKEN = {
    "app": "UPDATE oauth_client SET disabled_at = now() WHERE id = %s",
    "grant": "UPDATE oauth_grant SET revoked_at = now() WHERE client = %s",
    "user": (
        "UPDATE account SET disabled_at = now() WHERE id = (SELECT user_id FROM oauth_grant WHERE client = %s)"
    ),
    "scope": "UPDATE oauth_client SET scopes = '{user/Subscription.c}' WHERE id = %s",
    "nothing": "SELECT %s",
}
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.item("leak-12")
@pytest.mark.item("sub-G6")
async def test_whoever_lost_the_right_is_told_nothing_and_the_subscription_is_off(database):
    async with listening() as hook:
        for name in TAKEN:
            await subscribe(database, name, hook.url, owner=await app(database, name))
        async with database.connection() as connection:
            for name, statement in TAKEN.items():
                await connection.execute(statement, (name,))
        async with delivering(database, standings=Standings("all", ServedResources())):
            for name in TAKEN:
                await happened(database, name, patient(f"of-{name}"))
            await until(database, "nothing", delivered=1)
            found = {
                name: await until(database, name, state="off", due=float("inf"))
                for name in TAKEN
                if name != "nothing"
            }
    (told,) = hook.asked
    assert told.parameters["subscription"]["valueReference"]["reference"].endswith("/nothing")
    assert all("The right to be told has ended" in one["error"] for one in found.values())
    assert "Patient may not be read" in found["scope"]["error"]


async def test_what_cannot_be_numbered_for_a_right_that_has_ended_leaves_no_gap_but_turns_the_subscription_off(
    database,
):
    """Also where nothing is pushed, and where the right comes back: the client sees that it missed something."""
    for name in TAKEN:
        owner = await app(database, name)
        await leading.subscribe(database, name, leading.watching("Patient"), owner=owner)
    leader = await leading.leading(database, Standings("all", ServedResources()))
    async with database.connection() as connection:
        for name, statement in TAKEN.items():
            await connection.execute(statement, (name,))
    await put(database, patient("missed"))
    await leader.step()
    async with database.connection() as connection:
        await connection.execute("UPDATE oauth_client SET disabled_at = NULL")
        found = await (await connection.execute("SELECT id, state, error FROM subscription")).fetchall()
    await put(database, patient("told"))
    await leader.step()
    off = {id: error for id, state, error in found if state == "off"}
    assert off.keys() == TAKEN.keys() - {"nothing"}
    assert all("The right to be told has ended" in error for error in off.values())
    numbered = {name: [number for number, *_ in await leading.events(database, name)] for name in TAKEN}
    assert numbered == {name: [1, 2] if name == "nothing" else [] for name in TAKEN}


def reading(id, of, value):
    code = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
    subject = {"reference": f"Patient/{of}"}
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": code,
        "subject": subject,
        "valueInteger": value,
    }


def event(number, id, version, change="update"):
    return Event(number, AT, change, "Observation", id, None, version)


async def told(database, events, principal, content="full-resource"):
    async with database.connection() as connection:
        found = await contents(connection, events, content, access(principal))
    return [one.body is not None for one in found]


@pytest.mark.item("sub-G6")
@pytest.mark.item("leak-8")
async def test_the_version_of_an_event_is_shown_where_it_and_the_resource_as_it_is_are_the_owner_s(database):
    await put(database, patient("a"), patient("b"))
    for id, subjects in {"own": "aa", "came": "ba", "went": "ab", "gone": "aa"}.items():
        for value, of in enumerate(subjects):
            await put(database, reading(id, of, value))
    await delete(database, "Observation", "gone")
    events = [
        event(number, id, version)
        for number, (id, version) in enumerate(
            [(id, version) for id in ("own", "came", "went", "gone") for version in (1, 2)], 1
        )
    ]
    of_a = Principal("user:a", frozenset({"patient/Observation.rs"}), "app", "u", patient="a")
    assert await told(database, events, of_a) == [True, True, False, True, False, False, False, False]
    everyone = Principal("operator", EVERY_SCOPE, reach=Everything())
    assert await told(database, events, everyone) == [True] * 6 + [False] * 2
    nobody = Principal("user:a", frozenset({"patient/Patient.rs"}), "app", "u", patient="a")
    assert await told(database, events, nobody) == [False] * 8
    assert await told(database, events, everyone, "id-only") == [False] * 8


async def test_the_content_of_an_event_is_that_of_its_version_and_without_one_the_present_one(database):
    await put(database, reading("o", "a", 1))
    await put(database, reading("o", "a", 2))
    events = [event(1, "o", 1), event(2, "o", 2), event(3, "o", None, "silent"), event(4, "o", 2, "delete")]
    async with database.connection() as connection:
        found = await contents(
            connection, events, "full-resource", access(Principal("operator", EVERY_SCOPE))
        )
    bodies = [one.body and b'"valueInteger": 1' in one.body for one in found]
    assert bodies == [True, False, False, None]
