"""Grants that nothing stands for any more, swept a few at a time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.consents import Consents
from fhir_server.store.smart.grants import Grants
from fhir_server.store.smart.users import Accounts
from smart_auth.clients import Client
from smart_auth.grants import Access, Grant, Once
from smart_auth.tokens import sha256
from smart_auth.users import User

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
SCOPES = ("patient/*.rs",)


@pytest.fixture
async def grants(database):
    await Clients(database).add(Client("app", "App", "none", SCOPES, redirect_uris=("https://a.example/",)))
    return Grants(database, keep=30 * DAY)


async def opened(grants, id, at, code_until):
    once = Once(sha256(id), "code", code_until)
    await grants.open(Grant(id, "app", "anna", SCOPES, at, at), once)


async def left(database):
    async with database.connection() as connection:
        rows = await (await connection.execute("SELECT id FROM oauth_grant")).fetchall()
    return {id for (id,) in rows}


async def test_what_was_revoked_or_used_up_long_ago_goes_and_what_may_still_be_used_stays(database, grants):
    long, lately = NOW - 40 * DAY, NOW - 5 * DAY
    await opened(grants, "revoked long ago", long, NOW + DAY)
    await grants.revoke("revoked long ago", long)
    await opened(grants, "revoked lately", long, long)
    await grants.revoke("revoked lately", lately)
    await opened(grants, "never redeemed", long, long)
    await opened(grants, "of lately", lately, lately)
    for id, access_until, refresh_until in (
        ("used up", lately, lately),
        ("with a token", NOW + DAY, lately),
        ("with a refresh token", lately, NOW + DAY),
    ):
        await opened(grants, id, long, NOW)
        access = Access(sha256(f"at {id}"), "app", SCOPES, long, access_until, id)
        refresh = Once(sha256(f"rt {id}"), "refresh", refresh_until)
        assert await grants.exchange(sha256(id), access, refresh, long, timedelta(0))
    user = await Accounts(database).add(User("", "anna", "patient"), "no password")
    await Consents(database).agree(user.id, "app", None, SCOPES)

    await grants.issue(Access(sha256("any"), "app", SCOPES, NOW, NOW + DAY), NOW)
    assert await left(database) == {
        "revoked lately",
        "of lately",
        "with a token",
        "with a refresh token",
    }
    assert await Consents(database).agreed(user.id, "app", None) == set(SCOPES)


async def test_a_few_go_at_a_time_wherever_they_stand(database, grants):
    for _ in range(50):
        await opened(grants, str(uuid4()), NOW - 40 * DAY, NOW - 40 * DAY)
    counts = []
    for number in range(30):
        await grants.issue(Access(sha256(f"{number}"), "app", SCOPES, NOW, NOW + DAY), NOW)
        counts.append(len(await left(database)))
    assert counts[0] >= 30
    assert counts[-1] < 25
