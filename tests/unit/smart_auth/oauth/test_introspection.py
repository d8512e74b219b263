"""What is told of tokens, and their end, without a server."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.smart_auth.memory import ASKED, HERE, NOW, SECRETIVE, Memory, asserted, assertion, basic


async def told(memory, token, client="secretive", **fields):
    """What the client is told of the token."""
    reply = await memory.endpoints.introspect(memory.form({"token": token, **fields}, basic(client)))
    assert reply.status == 200
    return reply.body


@pytest.mark.item("smart-I2")
async def test_of_a_token_that_holds_everything_is_told_that_came_with_it():
    memory = Memory()
    first = await memory.tokens(
        "secretive", encounter="e1", context={"intent": "x", "need_patient_banner": False}
    )
    said = {
        "active": True,
        "scope": " ".join(ASKED),
        "client_id": "secretive",
        "exp": int(NOW.timestamp()) + 3600,
        "patient": "p1",
        "encounter": "e1",
        "intent": "x",
        "need_patient_banner": False,
        "iss": HERE.issuer,
        "sub": "clara",
        "fhirUser": f"{HERE.fhir}/Practitioner/clara",
    }
    assert await told(memory, first["access_token"]) == said | {
        "token_type": "Bearer",
        "iat": int(NOW.timestamp()),
    }
    assert (await told(memory, first["refresh_token"]))["active"] is True


@pytest.mark.item("smart-I2")
async def test_who_logged_in_is_told_only_where_the_app_was_told():
    memory = Memory()
    first = await memory.tokens("secretive", scopes=("patient/*.rs",))
    assert not {"iss", "sub", "fhirUser"} & set(await told(memory, first["access_token"]))


@pytest.mark.item("smart-I2")
async def test_the_scopes_that_are_told_are_those_that_hold_now():
    memory = Memory()
    first = await memory.tokens("secretive")
    memory.clients["secretive"] = replace(SECRETIVE, scopes=("patient/Observation.rs", "offline_access"))
    for kind in ("access_token", "refresh_token"):
        assert (await told(memory, first[kind]))["scope"] == "offline_access patient/Observation.rs"


@pytest.mark.item("smart-I1")
@pytest.mark.parametrize(
    ("fields", "authorization"),
    [
        ({}, None),
        ({"client_id": "public"}, None),
        ({}, basic("secretive", "wrong")),
        ({}, "Bearer fhir-at-nothing"),
    ],
)
async def test_nothing_is_told_to_who_does_not_prove_themselves(fields, authorization):
    memory = Memory()
    first = await memory.tokens()
    form = memory.form({"token": first["access_token"], **fields}, authorization)
    reply = await memory.endpoints.introspect(form)
    assert (reply.status, reply.body["error"]) == (401, "invalid_client")


@pytest.mark.item("smart-I1")
async def test_a_client_that_signs_and_one_whom_the_server_trusts_may_ask():
    memory = Memory()
    _, mine = await memory.token(asserted())
    form = asserted(assertion()) | {"token": mine["access_token"]}
    assert (await memory.endpoints.introspect(memory.form(form))).body["active"] is True
    trusted = memory.form({"token": mine["access_token"]}, "Bearer x", trusted="user:root")
    assert (await memory.endpoints.introspect(trusted)).body["client_id"] == "backend"
    assert memory.events[-1].subject == "user:root"


@pytest.mark.item("smart-I3")
async def test_of_any_other_token_nothing_is_told():
    memory = Memory()
    foreign = await memory.tokens()
    own = await memory.tokens("secretive")
    _, renewed = await memory.refresh(own["refresh_token"], "secretive")
    tokens = [foreign["access_token"], foreign["refresh_token"], own["refresh_token"], "unknown", "\0"]
    assert [await told(memory, token) for token in tokens] == [{"active": False}] * 5
    await memory.grants.revoke(list(memory.grants.grants)[1], NOW)
    assert await told(memory, renewed["access_token"]) == {"active": False}
    memory.now = NOW + timedelta(hours=1)
    assert await told(memory, own["access_token"]) == {"active": False}


@pytest.mark.parametrize("change", ["person", "client", "care"])
async def test_a_refresh_token_that_would_be_refused_is_not_told_of(change):
    memory = Memory()
    own = await memory.tokens("secretive")
    memory.clients["resources"] = replace(SECRETIVE, id="resources", introspects=True)
    match change:
        case "person":
            memory.people.clear()
        case "client":
            memory.clients["secretive"] = replace(SECRETIVE, disabled=True)
        case "care":
            memory.in_care = frozenset()
    assert await told(memory, own["refresh_token"], "resources") == {"active": False}


async def test_a_resource_server_that_is_registered_to_introspect_learns_of_all_tokens():
    memory = Memory()
    memory.clients["resources"] = SECRETIVE.__class__(
        "resources", "R", "client_secret_basic", (), secrets=SECRETIVE.secrets, introspects=True
    )
    foreign = await memory.tokens()
    assert (await told(memory, foreign["access_token"], "resources"))["client_id"] == "public"


async def revoked(memory, token, client="secretive", **fields):
    reply = await memory.endpoints.revoke(memory.form({"token": token, **fields}, basic(client)))
    return reply.status, reply.body


@pytest.mark.item("smart-V1")
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
async def test_with_a_refresh_token_ends_all_that_came_of_it_whatever_was_hinted(hint):
    memory = Memory()
    first = await memory.tokens("secretive")
    fields = {} if hint is None else {"token_type_hint": hint}
    assert await revoked(memory, first["refresh_token"], **fields) == (200, {})
    assert not await memory.is_active(first["access_token"])
    assert not await memory.is_active(first["refresh_token"])


@pytest.mark.item("smart-V1")
async def test_with_an_access_token_ends_that_one():
    memory = Memory()
    first = await memory.tokens("secretive")
    assert await revoked(memory, first["access_token"]) == (200, {})
    assert not await memory.is_active(first["access_token"])
    assert await memory.is_active(first["refresh_token"])


@pytest.mark.item("smart-V1")
async def test_a_token_of_another_app_and_one_that_is_not_get_the_same_answer_and_nothing_ends():
    memory = Memory()
    foreign = await memory.tokens()
    for token in (foreign["access_token"], foreign["refresh_token"], "unknown"):
        assert await revoked(memory, token) == (200, {})
    assert await memory.is_active(foreign["access_token"])
    assert await memory.is_active(foreign["refresh_token"])


@pytest.mark.item("smart-V1")
async def test_an_app_without_a_secret_may_end_its_own_tokens_and_nobody_unproved_any():
    memory = Memory()
    first = await memory.tokens()
    form = {"token": first["refresh_token"]}
    assert (await memory.endpoints.revoke(memory.form(form))).status == 401
    assert (await memory.endpoints.revoke(memory.form(form | {"client_id": "secretive"}))).status == 401
    assert await memory.is_active(first["access_token"])
    assert (await memory.endpoints.revoke(memory.form(form | {"client_id": "public"}))).status == 200
    assert not await memory.is_active(first["access_token"])


async def test_without_a_token_or_with_two_there_is_nothing_to_ask():
    memory = Memory()
    for serve in (memory.endpoints.introspect, memory.endpoints.revoke):
        for pairs in ((), (("token", ""),), (("token", "a"), ("token", "b"))):
            reply = await serve(memory.form(pairs, basic("secretive")))
            assert (reply.status, reply.body["error"]) == (400, "invalid_request")


@pytest.mark.item("smart-I1")
@pytest.mark.parametrize(
    ("sent", "challenge"),
    [
        (None, 'Basic realm="oauth"'),
        (basic("secretive", "wrong"), 'Basic realm="oauth"'),
        ("bearer fhir-at-x", 'Bearer realm="oauth", error="invalid_token"'),
    ],
)
async def test_who_may_not_ask_is_told_how_in_the_scheme_that_they_tried(sent, challenge):
    memory = Memory()
    reply = await memory.endpoints.introspect(memory.form({"token": "x"}, sent))
    assert (reply.status, reply.body["error"]) == (401, "invalid_client")
    assert [text for name, text in reply.headers if name == "WWW-Authenticate"] == [challenge]
