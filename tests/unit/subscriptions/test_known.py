"""The subscriptions that whoever leads knows, without a database."""

import asyncio
from datetime import UTC, datetime

from fhir_server.json import parse
from fhir_server.search.index import index
from fhir_server.store.subscriptions.registrations import Registration
from fhir_server.subscriptions.as_json import asked_json, owner_json
from fhir_server.subscriptions.failures import Failures
from fhir_server.subscriptions.happened import Happened
from fhir_server.subscriptions.known import Known
from fhir_server.subscriptions.model import Asked, Channel, Criterion
from smart_auth.principal import EVERY_SCOPE, Principal

NOW = datetime(2026, 11, 21, tzinfo=UTC)
WRITTEN = frozenset({"create", "update"})


def registration(key, query):
    asked = Asked(
        f"s{key}",
        None,
        (Criterion("Observation", query, WRITTEN),),
        Channel("websocket", None, None, "empty"),
    )
    owner = owner_json(Principal("operator", EVERY_SCOPE, administrator=True))
    return Registration(
        key, asked.id, "|operator", owner, asked_json(asked), None, "active", None, "1:1:", NOW, None
    )


def reading(id):
    tree = parse(b'{"resourceType":"Observation","status":"final","code":{"text":"x"}}') | {"id": id}
    return Happened("create", NOW, tree, index("Observation", tree), b"{}", "Observation", id, 5, 1, 1)


async def test_however_much_is_to_be_matched_the_loop_is_free_for_others_and_it_is_seen_to_go_on():
    """A leader that kept the loop to itself would lose its lease, and so would the next one, for ever."""
    known = Known("")
    for key in range(1_000):
        known._put(registration(key, "code:text=y" if key else "code:text=x"))
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    told = await known.told([reading("a"), reading("b")], Failures())
    beside.cancel()
    assert [(served.key, happened.id) for served, happened in told] == [(0, "a"), (0, "b")]
    assert turns >= 20
    assert known.alive_at > 0
