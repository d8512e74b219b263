"""Endpoints on this machine that subscriptions are told at, and a process that tells them, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import orjson

from fhir_server.audit.port import NoAudit
from fhir_server.keys import MasterKey
from fhir_server.outbound import Outbound
from fhir_server.store.database import Database
from fhir_server.store.subscriptions import events, registrations
from fhir_server.store.subscriptions.events import Unnumbered
from fhir_server.store.subscriptions.registrations import Wanted
from fhir_server.subscriptions.as_json import asked_json, owner_json
from fhir_server.subscriptions.attempt import Sender
from fhir_server.subscriptions.delivery import Deliveries
from fhir_server.subscriptions.failing import Forbearance
from fhir_server.subscriptions.model import Asked, Channel, Criterion
from fhir_server.subscriptions.secret_headers import SecretHeaders
from smart_auth.principal import Principal
from tests.integration.subscriptions.leading import BASE, OPERATOR, AsTheyWere, draft, put

KEY = MasterKey(b"k" * 32)
TOPIC = "urn:fhir-server:topic:Patient-created"
LOOPBACK = (ip_network("127.0.0.0/8"),)
NO_AUDIT = NoAudit()
SOMEBODY = Principal("somebody", OPERATOR.scopes)
OK, BAD = b"200 OK", b"500 Internal Server Error"


@dataclass
class Asking:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def bundle(self):
        return orjson.loads(self.body)

    @property
    def parameters(self):
        return {each["name"]: each for each in self.bundle["entry"][0]["resource"]["parameter"]}

    @property
    def kind(self):
        return self.parameters["type"]["valueCode"]

    @property
    def numbers(self):
        found = self.bundle["entry"][0]["resource"]["parameter"]
        return [int(each["part"][0]["valueString"]) for each in found if each["name"] == "notification-event"]


@dataclass
class Subscriber:
    """An endpoint: what it was asked, how many at most at once; `answer` says how it answers."""

    url: str = ""
    asked: list[Asking] = field(default_factory=list)
    connections: int = 0
    now: int = 0
    most: int = 0
    answer: Callable = lambda request: OK

    @property
    def notifications(self):
        return [each for each in self.asked if each.kind == "event-notification"]

    async def got(self, count, of=lambda subscriber: subscriber.asked):
        """What it was asked, once it is so much."""
        async with asyncio.timeout(20):
            while len(of(self)) < count:  # noqa: ASYNC110 - it is looked at from outside
                await asyncio.sleep(0.01)
        return of(self)

    async def _request(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        named = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(named.get("content-length", 0)))
        method, path, _ = first.split(" ")
        return Asking(method, path, headers, body)

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                request = await self._request(reader)
                self.now += 1
                self.most = max(self.most, self.now)
                self.asked.append(request)
                answer = self.answer(request)
                if asyncio.iscoroutine(answer):
                    answer = await answer
                self.now -= 1
                head, _, more = answer.partition(b"\r\n")
                writer.write(
                    b"HTTP/1.1 "
                    + head
                    + b"\r\n"
                    + (more + b"\r\n" if more else b"")
                    + b"content-length: 0\r\n\r\n"
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def listening(answer: Callable = lambda request: OK) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(answer=answer)
    tasks = set()

    def accept(reader, writer):
        task = asyncio.create_task(subscriber.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    subscriber.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield subscriber
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def deliveries(
    database: Database, standings=None, allowed=LOOPBACK, attempts=3, audit=NO_AUDIT
) -> Deliveries:
    forbearance = Forbearance(attempts, timedelta(hours=24))
    sender = Sender(Outbound(allowed), KEY, BASE, forbearance, audit)
    return Deliveries(database, sender, standings or AsTheyWere())


async def stopped(task: asyncio.Task) -> None:
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.2)


@asynccontextmanager
async def delivering(database: Database, **changes) -> AsyncIterator[Deliveries]:
    """A process that delivers within the block."""
    one = deliveries(database, **changes)
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        await stopped(task)
        await one.close()


async def subscribe(
    database: Database,
    id: str,
    endpoint: str,
    *,
    owner=OPERATOR,
    state="active",
    topic=TOPIC,
    content="id-only",
    payload="application/fhir+json",
    headers=None,
    type="Patient",
    ends_at=None,
    **channel,
) -> None:
    """A Subscription with its registration, committed."""
    criteria = (Criterion(type, "", frozenset({"create", "update"})),)
    told = Channel("rest-hook", endpoint, payload, content, tuple(headers or {}), **channel)
    asked = asked_json(Asked(id, topic, criteria, told, ends_at))
    sealed = SecretHeaders(KEY).close(id, headers or {})
    wanted = Wanted(f"|{owner.subject}", owner_json(owner), asked, sealed, "requested", ends_at)
    tree = {
        "resourceType": "Subscription",
        "id": id,
        "status": state,
        "reason": "test",
        "criteria": topic or type,
        "channel": {"type": "rest-hook", "endpoint": endpoint},
    }
    async with database.transaction() as work:
        await work.create_all([draft(tree)])
        await registrations.add(work.connection, id, wanted)
        if state != "requested":
            await work.connection.execute("UPDATE subscription SET state = %s WHERE id = %s", (state, id))
            await work.connection.execute(
                "UPDATE subscription_progress SET greeted = TRUE, due_at = 'infinity' WHERE subscription = "
                "(SELECT key FROM subscription WHERE id = %s)",
                (id,),
            )


async def happened(database: Database, id: str, *trees, change="create") -> None:
    """The resources are written, and numbered as events of the subscription."""
    await put(database, *trees)
    async with database.transaction() as work:
        found = await work.connection.execute("SELECT key FROM subscription WHERE id = %s", (id,))
        (key,) = await found.fetchone()
        told = []
        for tree in trees:
            row = await work.connection.execute(
                "SELECT rid, version FROM resource WHERE id = %s", (tree["id"],)
            )
            told.append(
                Unnumbered(
                    key, datetime.now(UTC), change, tree["resourceType"], tree["id"], *await row.fetchone()
                )
            )
        await events.number(work.connection, told)
    database.wakes.numbered()


async def happened_to_many(database: Database, ids: list[str], endpoint: str) -> None:
    """Subscriptions of the operator, by those ids, which wait for a minute, each with one event."""
    for id in ids:
        await subscribe(database, id, endpoint, timeout=60)
    await put(database, patient("of-many"))
    async with database.transaction() as work:
        found = await work.connection.execute(
            "SELECT key FROM subscription WHERE id = ANY(%s) ORDER BY key", (ids,)
        )
        now = datetime.now(UTC)
        told = [
            Unnumbered(key, now, "create", "Patient", "of-many", 1, 1) for (key,) in await found.fetchall()
        ]
        await events.number(work.connection, told)
    database.wakes.numbered()


async def row(database: Database, id: str):
    """State, error, and the numbers of the subscription."""
    statement = """SELECT s.state, s.error, p.numbered, p.delivered, p.attempts,
                          extract(epoch FROM p.due_at - clock_timestamp())::float AS due, p.lease_owner
                     FROM subscription s JOIN subscription_progress p ON p.subscription = s.key WHERE s.id = %s"""
    async with database.connection() as connection:
        cursor = await connection.execute(statement, (id,))
        names = [column.name for column in cursor.description]
        return dict(zip(names, await cursor.fetchone(), strict=True))


async def until(database: Database, id: str, **wanted):
    """The row, once it is as wanted."""
    found = {}
    async with asyncio.timeout(20):
        while not found or any(found[name] != value for name, value in wanted.items()):
            await asyncio.sleep(0.02)
            found = await row(database, id)
    return found


async def due_now(database: Database, id: str) -> None:
    """What failed is tried again at once."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE subscription_progress SET due_at = clock_timestamp(), lease_until = NULL WHERE subscription = "
            "(SELECT key FROM subscription WHERE id = %s)",
            (id,),
        )
    database.wakes.numbered()


def patient(id, **more):
    return {"resourceType": "Patient", "id": id, **more}
