"""Tokens over HTTP: got, used, renewed and ended, with two workers on one database."""

import asyncio
import json
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from fhir_server.search.served_resources import ServedResources
from fhir_server.store.smart.bearers import Bearers
from smart_auth.grants import Access
from smart_auth.oauth.kept import BACKEND_LIFE
from smart_auth.tokens import sha256
from tests.integration.rest.conftest import TOKEN
from tests.integration.rest.smart.conftest import OPERATOR, fresh_assertion
from tests.unit.smart_auth.memory import ASKED, BACKEND, EC, HERE, PUBLIC, SECRETIVE, asserted, basic, redeem

OPERATOR_FORM = {"Authorization": OPERATOR["Authorization"]}

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_KEPT = ("no-store", "no-cache")


def kept(answer):
    return answer.headers["cache-control"], answer.headers["pragma"]


@pytest.mark.item("smart-T1")
async def test_only_forms_are_read_and_no_answer_is_kept(server):
    form = redeem(await server.code())
    refused = [
        await server.client.post("/oauth/token", content=json.dumps(form), headers={"Content-Type": kind})
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x")
    ]
    refused.append(await server.client.post("/oauth/token"))
    refused.append(await server.client.post("/oauth/token", data={"a": "x" * 40_000}))
    refused.append(await server.client.post("/oauth/token", content=b"a=%zz", headers={"Content-Type": FORM}))
    refused.append(await server.client.post("/oauth/token", content=b"a=%ff", headers={"Content-Type": FORM}))
    for answer in refused:
        assert (answer.status_code, answer.json()["error"], kept(answer)) == (
            400,
            "invalid_request",
            NOT_KEPT,
        )
    good = await server.client.post("/oauth/token", data=form)
    assert (good.status_code, kept(good), good.headers["content-type"]) == (200, NOT_KEPT, "application/json")
    answer = await server.client.get("/oauth/token", params=form)
    assert (answer.status_code, answer.headers["allow"], answer.json()["error"]) == (
        405,
        "POST",
        "invalid_request",
    )
    assert answer.headers["cache-control"] == "no-store"


FORM = "application/x-www-form-urlencoded"


@pytest.mark.item("smart-authlib-transport")
async def test_a_request_without_tls_is_answered_as_any_other(server):
    for base in ("http://server.example", "http://10.0.0.7:8000"):
        answer = await server.client.post(f"{base}/oauth/token", data={"grant_type": "password"})
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.item("smart-A7")
async def test_of_two_redemptions_in_two_workers_one_succeeds_and_the_tokens_end(server):
    code = await server.code()
    answers = await asyncio.gather(
        *[server.redeemed(code, at=worker) for worker in (server.client, server.other, server.client)]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert await server.read(won) == 401


@pytest.mark.item("smart-R4")
async def test_of_two_refreshes_in_two_workers_both_are_answered_and_one_goes_on(server):
    told = await server.tokens()
    form = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"], "client_id": "public"}
    answers = await asyncio.gather(
        *[worker.post("/oauth/token", data=form) for worker in (server.client, server.other)]
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    used, other = (answer.json() for answer in answers)
    async with asyncio.TaskGroup() as both:
        tries = [both.create_task(server.refreshed(each)) for each in (used, other)]
    newest = [each.result().json() for each in tries]
    assert [await server.read(each) for each in newest] == [200, 200]
    assert (await server.refreshed(newest[0])).status_code == 200
    assert (await server.refreshed(told)).json()["error"] == "invalid_grant"
    assert [await server.read(each) for each in newest] == [401, 401]


@pytest.mark.item("smart-R4")
@pytest.mark.parametrize(("grace", "taken"), [(0, False), (10, True)])
async def test_a_request_that_began_before_the_one_that_was_first_is_one_at_once(server, grace, taken):
    spent = sha256((await server.tokens())["refresh_token"])
    first, late = (
        (Access(secrets.token_bytes(32), "public", (), at, at + timedelta(hours=1)), at)
        for at in (datetime.now(UTC), datetime.now(UTC) - timedelta(milliseconds=5))
    )
    answers = [
        await server.grants.exchange(spent, access, None, at, timedelta(seconds=grace))
        for access, at in (first, late)
    ]
    assert answers == [True, taken]


@pytest.mark.item("smart-B4")
async def test_an_assertion_is_good_once_in_all_workers(server):
    token = fresh_assertion(EC)
    answers = await asyncio.gather(
        *[server.backend(token=token, at=worker) for worker in (server.client, server.other)]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    assert (await server.backend()).status_code == 200


@pytest.mark.item("smart-T2")
@pytest.mark.item("smart-B8")
async def test_a_backend_reads_with_its_token_until_that_ends(server):
    told = (await server.backend()).json()
    assert told["expires_in"] == BACKEND_LIFE.total_seconds() == 300
    assert await server.read(told) == 200
    await ended(server, told)
    assert await server.read(told) == 401


async def ended(server, told):
    """Lets the access token's time pass."""
    async with server.database.connection() as connection:
        await connection.execute(
            "UPDATE oauth_access SET expires_at = clock_timestamp() WHERE sha256 = %s",
            (sha256(told["access_token"]),),
        )


@pytest.mark.item("smart-R3")
async def test_a_refresh_token_that_comes_again_ends_everything_at_once_in_every_worker(server):
    first = await server.tokens()
    second = (await server.refreshed(first)).json()
    assert await server.read(second) == 200
    third = (await server.refreshed(second)).json()
    assert (await server.refreshed(first)).json()["error"] == "invalid_grant"
    assert await server.read(second, at=server.other) == 401
    assert await server.read(first, at=server.other) == 401
    assert (await server.refreshed(third)).status_code == 400


@pytest.mark.item("smart-R6")
@pytest.mark.parametrize("by", ["app", "user", "client", "session"])
async def test_whatever_ends_access_ends_it_at_the_next_request_in_every_worker(server, by):
    client, user = await server.app(), await server.user()
    told = await server.tokens(client, user=user, scopes=(*ASKED, "online_access"))
    assert await server.read(told, at=server.other) == 200
    match by:
        case "app":
            form = {"token": told["refresh_token"], "client_id": client.id}
            assert (await server.client.post("/oauth/revoke", data=form)).json() == {}
        case "user":
            await server.accounts.switch(user, datetime.now(UTC))
        case "client":
            await server.clients.switch(client.id, disabled=True)
        case "session":
            async with server.database.connection() as connection:
                await connection.execute(
                    "UPDATE oauth_grant SET revoked_at = now() WHERE client = %s", (client.id,)
                )
    assert await server.read(told, at=server.other) == 401
    refused = await server.refreshed(told, client)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.item("smart-R5")
async def test_who_no_longer_stands_in_for_a_patient_loses_access_at_once(server):
    parent = await server.user("patient", "RelatedPerson/r1", proxies=frozenset({"p1"}))
    told = await server.tokens(user=parent)
    assert await server.read(told) == 200
    await server.accounts.change(replace(parent, proxies=frozenset({"p2"})))
    assert await server.read(told) == 401
    asked = {"token": told["access_token"]}
    said = await server.client.post(
        "/oauth/introspect", data=asked, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert said.json() == {"active": False}
    assert (await server.refreshed(told)).json()["error"] == "invalid_grant"


@pytest.mark.item("smart-R5")
async def test_who_is_no_practitioner_any_more_loses_access_to_the_patient_of_the_launch_at_once(server):
    user = await server.user()
    told = await server.tokens(user=user)
    assert await server.read(told) == 200
    await server.accounts.change(replace(user, fhir_user=None))
    assert await server.read(told) == 401
    assert (await server.refreshed(told)).json()["error"] == "invalid_grant"


@pytest.mark.item("smart-R5")
async def test_a_practitioner_has_and_renews_access_only_to_those_whom_they_still_treat(running):
    async with running(practitioners="own") as server:
        own = {
            "resourceType": "Patient",
            "id": "p3",
            "generalPractitioner": [{"reference": "Practitioner/clara"}],
        }
        await server.client.put("/fhir/Patient/p3", content=json.dumps(own), headers=OPERATOR)
        told = await server.tokens(patient="p3")
        told = (await server.refreshed(told)).json()
        assert await server.read(told, "Patient/p3") == 200
        await server.client.put(
            "/fhir/Patient/p3", content=json.dumps({"resourceType": "Patient", "id": "p3"}), headers=OPERATOR
        )
        assert await server.read(told, "Patient/p3", at=server.other) == 404
        assert (await server.refreshed(told)).json()["error"] == "invalid_grant"


@pytest.mark.item("smart-S12")
async def test_online_access_ends_with_its_session_and_offline_access_does_not(server):
    online, offline = ("patient/*.rs", "online_access"), ("patient/*.rs", "offline_access")
    user = await server.user()
    async with server.database.connection() as connection:
        await connection.execute(
            "INSERT INTO login_session (id, sha256, account, began_at, seen_at, ends_at) VALUES (%s, %s, %s, now(), now(), %s)",
            (user.id, user.id.encode(), user.id, datetime.now(UTC) + timedelta(hours=1)),
        )
    short = await server.tokens(user=user, scopes=online, session=user.id)
    long = await server.tokens(user=user, scopes=offline, session=user.id)
    short = (await server.refreshed(short)).json()
    async with server.database.connection() as connection:
        await connection.execute("UPDATE login_session SET ends_at = now() WHERE id = %s", (user.id,))
    assert (await server.refreshed(short)).json()["error"] == "invalid_grant"
    assert await server.read(short) == 401
    assert await server.read(long) == 200
    assert (await server.refreshed(long)).status_code == 200


@pytest.mark.item("smart-S7")
async def test_an_access_token_may_no_more_than_its_app_and_its_user_may_at_this_moment(server):
    client, user = await server.app(), await server.user()
    told = await server.tokens(client, user=user, scopes=("patient/*.cruds", "user/*.cruds"))
    asked = {"token": told["access_token"]}

    async def scopes():
        """What it is worth, as introspection says and as access does."""
        said = await server.client.post("/oauth/introspect", data=asked, headers=OPERATOR_FORM)
        holder = await Bearers(server.database, "all", ServedResources()).holder(sha256(asked["token"]))
        assert holder.scopes == frozenset(said.json()["scope"].split())
        return holder.scopes

    assert await scopes() == {"user/*.cruds"}
    await server.accounts.change(
        replace(user, role="patient", fhir_user="Patient/p1", proxies=frozenset({"p1"}))
    )
    assert await scopes() == {"user/*.rs"}
    await server.clients.change(replace(client, scopes=("user/Observation.cruds", "patient/*.rs")))
    assert await scopes() == {"user/Observation.rs"}
    assert await server.read(told) == 403
    await server.clients.change(replace(client, scopes=("openid",)))
    assert await scopes() == frozenset()


@pytest.mark.item("smart-S10")
async def test_an_app_reads_who_logged_in_with_the_same_token_and_checks_it_with_our_keys(server):
    told = await server.tokens(scopes=("openid", "fhirUser", "patient/Observation.rs"))
    keys = KeySet.import_key_set((await server.client.get("/oauth/jwks")).json())
    claims = jwt.decode(told["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"]) == (HERE.issuer, "public")
    assert abs(claims["exp"] - time.time() - 3600) < 30
    assert claims["fhirUser"] == f"{HERE.fhir}/Practitioner/clara"
    assert await server.read(told, "Practitioner/clara") == 200


@pytest.mark.item("smart-S8")
async def test_a_token_without_a_scope_on_resources_reads_nothing(server):
    told = await server.tokens(scopes=("openid",))
    assert told["scope"] == "openid"
    for path in ("Patient/p1", "Patient/absent", "Observation?_count=1", "Practitioner/clara"):
        assert await server.read(told, path) == 403


@pytest.mark.item("smart-S3")
async def test_what_a_token_reads_is_what_its_scopes_grant(server):
    told = await server.tokens(scopes=("patient/Patient.r",))
    assert await server.read(told) == 200
    assert await server.read(told, "Patient/p2") == 404
    assert await server.read(told, "Patient?_id=p1") == 403
    assert await server.read(told, "Observation/o1") == 403


@pytest.mark.item("smart-1.9-header")
@pytest.mark.item("smart-1.9-errors")
async def test_a_token_goes_in_the_header_alone_and_what_is_wrong_is_said_as_the_rfc_has_it(server):
    told = await server.tokens(scopes=("patient/Patient.r",))
    url = f"/fhir/Patient/p1?access_token={told['access_token']}"
    assert (await server.client.get(url)).status_code == 401
    challenges = {}
    for token, path in (
        (None, "Patient/p1"),
        ("fhir-at-x", "Patient/p1"),
        (told["access_token"], "Observation/1"),
    ):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = await server.client.get(f"/fhir/{path}", headers=headers)
        challenges[answer.headers["www-authenticate"]] = answer.status_code
    assert challenges == {
        'Bearer realm="fhir"': 401,
        'Bearer realm="fhir", error="invalid_token"': 401,
        'Bearer realm="fhir", error="insufficient_scope", scope="patient/Observation.r"': 403,
    }


@pytest.mark.item("smart-1.9-subject")
async def test_a_backend_with_the_id_of_a_user_is_not_that_user(server):
    user = await server.user()
    own = replace(BACKEND, id=user.id)
    await server.clients.add(own)
    form = asserted(fresh_assertion(iss=user.id, sub=user.id))
    told = (await server.client.post("/oauth/token", data=form)).json()
    asked = {"token": told["access_token"]}
    said = await server.client.post(
        "/oauth/introspect", data=asked, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert said.json() | {"exp": 0, "iat": 0} == {
        "active": True,
        "scope": "system/*.rs",
        "client_id": user.id,
        "exp": 0,
        "iat": 0,
        "token_type": "Bearer",
    }


@pytest.mark.item("smart-I1")
@pytest.mark.item("smart-I2")
async def test_introspection_is_for_clients_that_prove_themselves_and_for_administrators(server):
    told = await server.tokens(SECRETIVE)
    asked = {"token": told["access_token"]}
    for header, status in (
        (None, 401),
        (basic("secretive"), 200),
        (f"Bearer {TOKEN}", 200),
        (f"Bearer {told['access_token']}", 401),
        ("Bearer fhir-at-x", 401),
    ):
        headers = {} if header is None else {"Authorization": header}
        answer = await server.client.post("/oauth/introspect", data=asked, headers=headers)
        assert answer.status_code == status, header
        assert kept(answer) == NOT_KEPT
        if status == 200:
            assert (answer.json()["scope"], answer.json()["patient"]) == (told["scope"], "p1")


@pytest.mark.item("smart-V1")
async def test_an_access_token_that_its_app_gave_up_reads_nothing_more(server):
    told = await server.tokens()
    form = {"token": told["access_token"], "client_id": "public"}
    assert (await server.client.post("/oauth/revoke", data=form)).status_code == 200
    assert await server.read(told, at=server.other) == 401
    assert (await server.refreshed(told)).status_code == 200


@pytest.mark.item("smart-T7")
async def test_no_token_secret_or_code_is_in_the_database(server):
    code = await server.code(SECRETIVE)
    told = (await server.redeemed(code, SECRETIVE)).json()
    secrets = (code, told["access_token"], told["refresh_token"], "s" * 40)
    async with server.database.connection() as connection:
        for table in (
            "oauth_client",
            "oauth_client_secret",
            "oauth_grant",
            "oauth_once",
            "oauth_access",
            "oauth_key",
        ):
            rows = await (await connection.execute(f"SELECT t::text FROM {table} t")).fetchall()
            text = "".join(row[0] for row in rows)
            assert not [secret for secret in secrets if secret in text or secret.encode().hex() in text], (
                table
            )


async def test_an_administrator_s_app_looks_after_the_server_only_where_it_is_registered_to(server):
    boss = await server.user("admin", None)
    plain = await server.app()
    trusted = await server.app(administration=True)
    statuses = []
    for client in (plain, trusted):
        told = await server.tokens(client, user=boss, scopes=("openid", "offline_access"), patient=None)
        headers = {"Authorization": f"Bearer {told['access_token']}"}
        statuses.append((await server.client.get("/api/devices", headers=headers)).status_code)
    assert statuses == [403, 200]


async def test_what_has_ended_is_swept_away(server):
    told = (await server.backend()).json()
    await ended(server, told)
    await server.backend()
    async with server.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM oauth_access WHERE sha256 = %s", (sha256(told["access_token"]),)
        )
        assert await cursor.fetchone() == (0,)
    assert PUBLIC.id == "public"
