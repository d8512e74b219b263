"""A leader for tests: its subscriptions, the writes that it is to hear of, and the events that it numbered."""

from datetime import datetime

import orjson

from fhir_server.audit.port import NoAudit
from fhir_server.json import parse
from fhir_server.search.index import index
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.subscriptions import cursor, registrations
from fhir_server.store.subscriptions.registrations import Wanted
from fhir_server.subscriptions.as_json import asked_json, owner_json
from fhir_server.subscriptions.ending import Ending
from fhir_server.subscriptions.known import Known
from fhir_server.subscriptions.model import Asked, Channel, Criterion
from fhir_server.subscriptions.numbering import Numbering
from smart_auth.principal import EVERY_SCOPE, Principal

BASE = "http://here/fhir"
OPERATOR = Principal("operator", EVERY_SCOPE, administrator=True)
WRITTEN = frozenset({"create", "update"})


class AsTheyWere:
    """Standings of owners of whom nothing was taken."""

    async def of(self, connection, owners):
        return list(owners)


async def subscribe(
    database: Database,
    id: str,
    *criteria: Criterion,
    owner: Principal = OPERATOR,
    state: str = "active",
    channel: str = "websocket",
    ends_at: datetime | None = None,
) -> None:
    """A Subscription with its registration, committed."""
    asked = Asked(id, None, criteria, Channel(channel, None, None, "id-only"), ends_at)
    wanted = Wanted(f"|{owner.subject}", owner_json(owner), asked_json(asked), None, state, ends_at)
    async with database.transaction() as work:
        await work.create_all([draft({"resourceType": "Subscription", "id": id, "status": state})])
        await registrations.add(work.connection, id, wanted)


def watching(type: str, query: str = "", changes: frozenset = WRITTEN, trigger: str = "change") -> Criterion:
    return Criterion(type, query, changes, trigger)


def draft(tree: dict, method: str = "PUT") -> Draft:
    tree = parse(orjson.dumps(tree))
    type = tree["resourceType"]
    return Draft(type, tree["id"], tree, index(type, tree, base_url=BASE), method, base_url=BASE)


async def put(database: Database, *trees: dict) -> None:
    """Each of the resources is made, or is the next version, in one transaction."""
    async with database.transaction() as work:
        for tree in trees:
            current = await work.lock(tree["resourceType"], tree["id"])
            if current is None:
                await work.create_all([draft(tree)])
            else:
                await work.update(draft(tree), current)


async def delete(database: Database, type: str, id: str) -> None:
    async with database.transaction() as work:
        await work.delete(await work.lock(type, id))


async def leading(database: Database, standings=None, chunk: int = 500) -> Numbering:
    """Whoever leads from now on."""
    async with database.connection() as connection:
        await connection.execute("UPDATE subscription_cursor SET leader = NULL")
        lease = await cursor.take(connection, "test")
        known = Known(BASE)
        await known.load(connection)
    ending = Ending(database, NoAudit())
    return Numbering(database, BASE, known, standings or AsTheyWere(), ending, lease, chunk)


async def events(database: Database, id: str) -> list[tuple]:
    """Number, change, id and version of the events of a subscription."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT e.number, e.change, e.id, e.version FROM subscription_event e JOIN subscription s ON s.key = e.subscription"
            " WHERE s.id = %s ORDER BY e.number",
            (id,),
        )
        return await cursor.fetchall()
