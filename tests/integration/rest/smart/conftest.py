"""A server with apps, a practitioner and patients, whose approvals are given without pages."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio

from fhir_server.app import create_app
from fhir_server.search.served_resources import ServedResources
from fhir_server.store.database import Database
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.grants import Grants
from fhir_server.store.smart.users import Accounts
from smart_auth.authorize import Approval, approve, validated
from smart_auth.users import User
from tests.integration.rest.conftest import TOKEN, settings
from tests.unit.smart_auth.memory import (
    ASKED,
    BACKEND,
    EC,
    HERE,
    PUBLIC,
    REQUEST,
    RSA,
    SECRETIVE,
    SIGNED,
    asserted,
    assertion,
    proof,
    redeem,
)

BASE = HERE.fhir
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="session")
def smart_url(cloned):
    """A database with apps and people, which the tests of this folder share."""
    with cloned() as url:
        asyncio.run(_filled(url))
        yield url


async def _filled(url):
    app = create_app(settings(url, base_url=BASE))
    async with app.router.lifespan_context(app), connected(app) as client:
        for path, tree in (
            ("Practitioner/clara", {"resourceType": "Practitioner", "id": "clara"}),
            ("Patient/p1", {"resourceType": "Patient", "id": "p1"}),
            ("Patient/p2", {"resourceType": "Patient", "id": "p2"}),
        ):
            answer = await client.put(f"/fhir/{path}", content=json.dumps(tree), headers=OPERATOR)
            assert answer.status_code == 201, answer.text
    database = Database(url, size=2)
    await database.open()
    for each in (PUBLIC, SECRETIVE, SIGNED, BACKEND):
        await Clients(database).add(each)
    await database.close()


OPERATOR = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"}


def connected(app):
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url=HERE.issuer
    )


class Server:
    """Two workers on one database, and what apps get from them."""

    def __init__(self, database, client, other):
        self.database, self.client, self.other = database, client, other
        self.clients, self.accounts, self.grants = Clients(database), Accounts(database), Grants(database)

    async def user(self, role="practitioner", fhir_user="Practitioner/clara", **about):
        """A user of this test's own."""
        name = f"user-{time.monotonic_ns()}"
        return await self.accounts.add(User("", name, role, fhir_user=fhir_user, **about), "no password")

    async def app(self, client=PUBLIC, **changes):
        """An app of this test's own."""
        own = replace(client, id=f"{client.id}-{time.monotonic_ns()}", **changes)
        await self.clients.add(own)
        return own

    async def code(self, client=PUBLIC, user=None, scopes=ASKED, patient="p1", session="none"):
        asked = {**REQUEST, "client_id": client.id, "scope": " ".join(scopes)}
        request = await validated(list(asked.items()), self.clients, HERE)
        user = user or await self.user()
        now = datetime.now(UTC)
        approval = Approval(user.person, now, tuple(scopes), session, patient)
        url = await approve(request, approval, self.grants, ServedResources(), HERE, now)
        return dict(parse_qsl(urlsplit(url).query))["code"]

    async def redeemed(self, code, client=PUBLIC, at=None, **fields):
        form = redeem(code, client.authentication == "none" and "public", client_id=client.id, **fields)
        return await (at or self.client).post("/oauth/token", data=form, headers=header(client))

    async def tokens(self, client=PUBLIC, **about):
        answer = await self.redeemed(await self.code(client, **about), client)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refreshed(self, tokens, client=PUBLIC):
        form = {
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            "client_id": client.id,
        }
        return await self.client.post("/oauth/token", data=form, headers=header(client))

    async def backend(self, scope="system/*.rs", at=None, **fields):
        """A backend's token, asked for with an assertion of this moment."""
        token = fields.pop("token", None) or fresh_assertion()
        return await (at or self.client).post("/oauth/token", data=asserted(token, scope, **fields))

    async def read(self, tokens, path="Patient/p1", at=None):
        """The status of a read with these tokens."""
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return (await (at or self.client).get(f"/fhir/{path}", headers=headers)).status_code


def header(client):
    return {"Authorization": proof("secretive")[0]} if client.authentication == "client_secret_basic" else {}


def fresh_assertion(key=RSA, **claims):
    return assertion(key, "ES384" if key is EC else "RS384", **{"exp": int(time.time()) + 240, **claims})


@pytest.fixture(scope="session")
def running(smart_url):
    """Servers under changed settings."""

    @asynccontextmanager
    async def opened(**changes):
        changed = settings(smart_url).model_copy(update={"base_url": BASE, **changes})
        apps = [create_app(changed) for _ in range(2)]
        database = Database(smart_url, size=4)
        await database.open()
        async with (
            apps[0].router.lifespan_context(apps[0]),
            apps[1].router.lifespan_context(apps[1]),
            connected(apps[0]) as client,
            connected(apps[1]) as other,
        ):
            yield Server(database, client, other)
        await database.close()

    return opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(running):
    """The server of a module's tests."""
    async with running() as opened:
        yield opened
