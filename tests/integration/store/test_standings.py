"""Who asked for something lasting may what they may now, whatever they might when they asked."""

from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.search.served_resources import ServedResources
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.grants import Grants
from fhir_server.store.smart.standings import Standings
from fhir_server.store.smart.users import Accounts
from smart_auth.clients import Client
from smart_auth.grants import Access, Grant, Once
from smart_auth.principal import EVERY_SCOPE, Everything, Principal
from smart_auth.tokens import sha256
from smart_auth.users import User

NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=1)
LATE = NOW + timedelta(days=90)
SCOPES = ("user/Observation.rs", "user/Subscription.c", "user/Patient.rs")

# what an operator, a person or time does, and whether the app may still be told
ENDS = {
    "nothing": ("SELECT %s", True),
    "app disabled": ("UPDATE oauth_client SET disabled_at = now() WHERE id = %s", False),
    "grant revoked": ("UPDATE oauth_grant SET revoked_at = now() WHERE client = %s", False),
    "user disabled": (
        "UPDATE account SET disabled_at = now() WHERE id = (SELECT user_id FROM oauth_grant WHERE client = %s)",
        False,
    ),
    "access token ended": ("UPDATE oauth_access SET expires_at = now() WHERE client = %s", True),
    "all tokens ended": (
        ("WITH a AS (DELETE FROM oauth_access WHERE client = %s RETURNING grant_id) "
        "UPDATE oauth_once SET expires_at = now() WHERE grant_id IN (SELECT grant_id FROM a)"),
        False,
    ),
    "refresh token spent": (
        ("WITH a AS (DELETE FROM oauth_access WHERE client = %s RETURNING grant_id) "
        "UPDATE oauth_once SET spent_at = now() WHERE grant_id IN (SELECT grant_id FROM a)"),
        False,
    ),
    "session ended": ("UPDATE oauth_grant SET session = 'gone' WHERE client = %s", False),
}  # fmt: skip


async def app(database, name):
    """The caller to whom a practitioner of their own granted the app."""
    await Clients(database).add(Client(name, name, "none", SCOPES, redirect_uris=("https://app.example/",)))
    user = await Accounts(database).add(User("", f"u-{name}".replace(" ", "-"), "practitioner", fhir_user="Practitioner/1"), "x")  # fmt: skip
    grant = Grant(f"g-{name}", name, user.id, SCOPES, NOW, NOW, "Practitioner/1")
    code, refresh = sha256(f"code {name}"), Once(sha256(f"refresh {name}"), "refresh", LATE)
    await Grants(database).open(grant, Once(code, "code", SOON))
    access = Access(sha256(f"access {name}"), name, SCOPES, NOW, SOON, grant.id)
    assert await Grants(database).exchange(code, access, refresh, NOW, timedelta(0))
    return Principal(f"user:{user.id}", frozenset(SCOPES), name, user.id, reach=Everything(), grant=grant.id)


@pytest.mark.item("leak-12")
async def test_a_standing_ends_with_what_it_rests_on(database):
    owners = {name: await app(database, name) for name in ENDS}
    async with database.connection() as connection:
        for name, (statement, _) in ENDS.items():
            await connection.execute(statement, (name,))
        found = await Standings("all", ServedResources()).of(connection, list(owners.values()))
    told = dict(zip(owners, found, strict=True))
    assert {name: one is not None for name, one in told.items()} == {
        name: it for name, (_, it) in ENDS.items()
    }
    assert told["nothing"].scopes == frozenset(SCOPES)
    assert (told["nothing"].client, told["nothing"].reach, told["nothing"].grant) == (
        "nothing",
        Everything(),
        "g-nothing",
    )


async def test_a_standing_has_the_scopes_that_it_had_cut_to_what_the_app_may_now(database):
    kept = await app(database, "a")
    async with database.connection() as connection:
        await connection.execute("UPDATE oauth_client SET scopes = %s", ([*SCOPES[1:], "user/Encounter.rs"],))
        (found,) = await Standings("all", ServedResources()).of(connection, [kept])
    assert found.scopes == frozenset(SCOPES[1:])


@pytest.mark.item("leak-12")
async def test_a_service_stands_as_long_as_it_is_registered_and_the_operator_as_long_as_their_token_does(
    database,
):
    scopes = ("system/*.cruds",)
    await Clients(database).add(Client("there", "T", "private_key_jwt", scopes, backend=True))
    services = [Principal(f"client:{id}", frozenset(scopes), id) for id in ("there", "gone")]
    operator, former = [
        Principal("static-token", EVERY_SCOPE, administrator=True, auditor=True, grant=of)
        for of in ("this token", "another")
    ]
    local, of_files = Principal("local", EVERY_SCOPE), Principal("operator", EVERY_SCOPE)
    nobody = Principal("user:u", EVERY_SCOPE, "there", "u")
    async with database.connection() as connection:
        standings = Standings("all", ServedResources(), [("static-token", "this token")])
        found = await standings.of(connection, [*services, operator, former, local, of_files, nobody])
    assert [one and one.subject for one in found] == [
        *("client:there", None),
        *("static-token", None, None, "operator", None),
    ]
    assert (found[2].scopes, found[2].administrator) == (EVERY_SCOPE, True)
