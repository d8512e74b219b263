"""How many Subscriptions an owner may have."""

import asyncio
import json

import pytest

from fhir_server.interactions.write import prepare
from fhir_server.keys import MasterKey
from fhir_server.outbound import Outbound
from fhir_server.subscriptions.registrar import NotRunnable, Registrar
from smart_auth.principal import EVERY_SCOPE, Everything, Principal

REGISTRAR = Registrar(MasterKey(b"k" * 32), Outbound(), "http://server.example/fhir", 2)
APP = Principal("client:app", frozenset({"system/*.cruds"}), client="app", reach=Everything())
OTHER = Principal("client:other", frozenset({"system/*.cruds"}), client="other", reach=Everything())
OPERATOR = Principal("operator", EVERY_SCOPE, administrator=True)


async def written(database, id, principal=APP, status="requested"):
    """The status that a Subscription is stored with, made or sent again."""
    tree = {
        "resourceType": "Subscription",
        "id": id,
        "status": status,
        "reason": "to be told",
        "criteria": "Patient",
        "channel": {"type": "websocket"},
    }
    draft = prepare("Subscription", json.dumps(tree).encode(), id=id, method="PUT")
    async with database.transaction() as work:
        current = await work.lock("Subscription", id)
        await (work.create(draft) if current is None else work.update(draft, current))
        await REGISTRAR.take_on(work, principal)


async def test_an_owner_has_so_many_that_are_not_off_and_administrators_any_number(database):
    for id in ("a", "b"):
        await written(database, id)
    with pytest.raises(NotRunnable, match="FHIR_MAX_SUBSCRIPTIONS_EACH"):
        await written(database, "c")
    await written(database, "c", OTHER)
    for id in ("x", "y", "z"):
        await written(database, id, OPERATOR)
    await written(database, "a")
    await written(database, "d", status="off")
    with pytest.raises(NotRunnable):
        await written(database, "d")
    await written(database, "a", status="off")
    await written(database, "d")


async def test_of_many_made_at_once_no_more_are_taken_than_there_may_be(database):
    outcomes = await asyncio.gather(
        *(written(database, f"s{number}") for number in range(6)), return_exceptions=True
    )
    assert [type(one) for one in outcomes].count(NotRunnable) == 4
