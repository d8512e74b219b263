"""Codes redeemed for tokens, without a server."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc import jwt

from smart_auth import tokens
from tests.unit.smart_auth.memory import (
    ASKED,
    BACK,
    CHALLENGE,
    CLARA,
    HERE,
    NOW,
    PUBLIC,
    SIGNING,
    VERIFIER,
    Memory,
    asserted,
    assertion,
    basic,
    proof,
    redeem,
)


@pytest.mark.item("smart-authlib-expires-in")
@pytest.mark.item("smart-T2")
async def test_a_code_becomes_tokens_with_the_context_of_the_launch():
    memory = Memory()
    told = await memory.tokens(encounter="e1", context={"need_patient_banner": True, "intent": "reconcile"})
    assert told | {"access_token": "", "refresh_token": "", "id_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": " ".join(ASKED),
        "refresh_token": "",
        "id_token": "",
        "patient": "p1",
        "encounter": "e1",
        "need_patient_banner": True,
        "intent": "reconcile",
    }


@pytest.mark.item("smart-L3")
async def test_the_context_is_told_in_the_types_that_smart_gives_it():
    context = {
        "fhirContext": [{"reference": "ImagingStudy/1"}],
        "need_patient_banner": False,
        "smart_style_url": "https://ehr.example/style-3.json",
        "tenant": "north",
    }
    told = await Memory().tokens(context=context)
    assert {name: told[name] for name in context} == context


@pytest.mark.item("smart-L7")
async def test_a_member_of_an_extension_keeps_its_name():
    assert (await Memory().tokens(context={"__ward": "7"}))["__ward"] == "7"


@pytest.mark.item("smart-T7")
async def test_tokens_are_opaque_of_256_bits_known_by_their_beginning_and_kept_as_hashes():
    memory = Memory()
    told = await memory.tokens()
    assert told["access_token"].startswith("fhir-at-")
    assert told["refresh_token"].startswith("fhir-rt-")
    assert len(told["access_token"]) == len("fhir-at-") + 43
    kept = json.dumps([repr(memory.grants.tokens), repr(memory.grants.onces)])
    assert told["access_token"] not in kept
    assert told["refresh_token"] not in kept


@pytest.mark.item("smart-authlib-pkce")
@pytest.mark.item("smart-T3")
@pytest.mark.parametrize("client", ["public", "secretive"])
@pytest.mark.parametrize("verifier", [None, "", "w" * 64, CHALLENGE, "v" * 42, "v" * 129])
async def test_every_code_is_redeemed_with_its_verifier_alone(client, verifier):
    memory = Memory()
    form = redeem(await memory.code(client), client, code_verifier=verifier)
    status, body = await memory.token(
        {name: each for name, each in form.items() if each is not None}, *proof(client)
    )
    assert (status, body["error"] in {"invalid_grant", "invalid_request"}) == (400, True)
    assert memory.grants.tokens == {}


@pytest.mark.item("smart-1.9-pkce-downgrade")
async def test_a_code_that_was_asked_for_without_a_challenge_is_worth_nothing():
    memory = Memory()
    code = await memory.code("secretive")
    held = memory.grants.onces[tokens.sha256(code)]
    memory.grants.onces[tokens.sha256(code)] = replace(held, once=replace(held.once, challenge=None))
    for form in (redeem(code, "secretive"), redeem(code, "secretive", code_verifier="")):
        assert (await memory.token(form, basic("secretive")))[1]["error"] == "invalid_grant"


@pytest.mark.item("smart-authlib-code")
@pytest.mark.item("smart-A7")
async def test_a_code_that_comes_again_ends_everything_that_came_of_it():
    memory = Memory()
    code = await memory.code()
    _, first = await memory.token(redeem(code))
    assert await memory.is_active(first["access_token"])
    assert (await memory.token(redeem(code)))[1]["error"] == "invalid_grant"
    assert not await memory.is_active(first["access_token"])
    assert not await memory.is_active(first["refresh_token"])


@pytest.mark.item("smart-A7")
async def test_of_two_redemptions_at_once_one_succeeds():
    memory = Memory()
    code = await memory.code()
    answers = await asyncio.gather(*[memory.token(redeem(code)) for _ in range(2)])
    assert sorted(status for status, _ in answers) == [200, 400]


@pytest.mark.item("smart-A7")
async def test_a_code_is_bound_to_its_app_its_address_and_a_minute():
    memory = Memory()
    code = await memory.code()
    assert (await memory.token(redeem(code, "secretive"), basic("secretive")))[1]["error"] == "invalid_grant"
    assert (await memory.token(redeem(code, redirect_uri=BACK + "/")))[1]["error"] == "invalid_grant"
    memory.now = NOW + timedelta(seconds=60)
    assert (await memory.token(redeem(code)))[1]["error"] == "invalid_grant"


async def test_what_another_app_tries_with_a_code_does_not_end_it():
    memory = Memory()
    code = await memory.code()
    await memory.token(redeem(code, "secretive"), basic("secretive"))
    assert (await memory.token(redeem(code)))[0] == 200


@pytest.mark.item("smart-S12")
@pytest.mark.parametrize(
    ("scopes", "is_renewable"),
    [
        (("patient/*.rs",), False),
        (("patient/*.rs", "offline_access"), True),
        (("patient/*.rs", "online_access"), True),
    ],
)
async def test_only_lasting_access_comes_with_a_refresh_token(scopes, is_renewable):
    memory = Memory()
    told = await memory.tokens(scopes=scopes)
    assert ("refresh_token" in told) is is_renewable


@pytest.mark.item("smart-S12")
async def test_a_grant_ends_with_its_session_only_where_no_more_was_granted():
    memory = Memory()
    for scopes, session in (
        (("patient/*.rs", "online_access"), "s1"),
        (("patient/*.rs", "online_access", "offline_access"), None),
        (("patient/*.rs",), None),
    ):
        await memory.code(scopes=scopes)
        assert list(memory.grants.grants.values())[-1].session == session


@pytest.mark.item("smart-S10")
async def test_the_id_token_says_who_logged_in_to_which_app_and_holds_under_our_key():
    told = await Memory().tokens()
    token = jwt.decode(told["id_token"], SIGNING, algorithms=["RS256"])
    assert token.header == {"typ": "JWT", "alg": "RS256", "kid": "ours"}
    assert token.claims == {
        "iss": HERE.issuer,
        "sub": "clara",
        "aud": "public",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3600,
        "auth_time": int(NOW.timestamp()),
        "nonce": "n-1",
        "fhirUser": f"{HERE.fhir}/Practitioner/clara",
    }


@pytest.mark.item("smart-S10")
async def test_without_openid_there_is_no_id_token_and_without_fhir_user_it_does_not_say_who():
    assert "id_token" not in await Memory().tokens(scopes=("patient/*.rs",))
    told = await Memory().tokens(scopes=("openid", "patient/*.rs"))
    assert "fhirUser" not in jwt.decode(told["id_token"], SIGNING, algorithms=["RS256"]).claims


@pytest.mark.item("smart-S7")
async def test_what_a_person_may_no_longer_grant_is_not_in_the_token():
    memory = Memory()
    code = await memory.code(scopes=(*ASKED, "user/*.cruds"))
    memory.people["clara"] = replace(CLARA, role="patient", fhir_user="Patient/p1")
    _, told = await memory.token(redeem(code))
    assert told["scope"] == " ".join((*ASKED, "user/*.rs"))


async def test_a_person_who_was_disabled_since_gets_no_tokens():
    memory = Memory()
    code = await memory.code()
    memory.people.clear()
    assert (await memory.token(redeem(code)))[1]["error"] == "invalid_grant"


@pytest.mark.item("smart-authlib-regressions")
@pytest.mark.item("smart-T5")
@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": '"\\\u2028'}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "client_id": "public"}, "invalid_request"),
        ({"grant_type": "authorization_code", "client_id": "public", "code": "unknown"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_id": "public"}, "invalid_request"),
        ({"grant_type": "refresh_token", "client_id": "public", "refresh_token": "unknown"}, "invalid_grant"),
        (
            {"grant_type": "client_credentials", "client_id": "public", "scope": "system/*.rs"},
            "unauthorized_client",
        ),
    ],
)
async def test_each_mistake_gets_the_error_that_the_rfc_names(form, error):
    status, body = await Memory().token(form)
    assert (status, body["error"]) == (400, error)


@pytest.mark.item("smart-T5")
async def test_a_backend_redeems_no_codes():
    form = asserted() | {"grant_type": "authorization_code", "code": "c"}
    assert (await Memory().token(form))[1]["error"] == "unauthorized_client"


@pytest.mark.item("smart-authlib-duplicates")
@pytest.mark.item("smart-T1")
async def test_a_field_that_comes_twice_is_refused():
    memory = Memory()
    form = redeem(await memory.code())
    status, body = await memory.token([*form.items(), ("code_verifier", VERIFIER)])
    assert (status, body["error"]) == (400, "invalid_request")


@pytest.mark.item("smart-authlib-method")
@pytest.mark.item("smart-T4")
@pytest.mark.parametrize(
    ("client", "authorization", "fields", "status"),
    [
        ("public", None, {}, 200),
        ("public", basic("public"), {}, 401),
        ("secretive", basic("secretive"), {}, 200),
        ("secretive", None, {"client_id": "secretive", "client_secret": "s" * 40}, 200),
        ("secretive", None, {"client_id": "secretive"}, 401),
        ("secretive", basic("secretive", "wrong"), {}, 401),
        ("secretive", basic("unknown"), {}, 401),
        ("secretive", "Basic ====", {}, 401),
        ("secretive", "Basic \xff\xfe", {}, 401),
        ("secretive", "Basic /////w==", {}, 401),
        ("secretive", "Bearer fhir-at-x", {}, 401),
        ("secretive", basic("secretive"), {"client_secret": "s" * 40}, 400),
        ("secretive", basic("secretive"), {"client_id": "public"}, 401),
        ("signed", None, asserted(assertion(iss="signed", sub="signed")), 200),
        ("signed", None, {"client_id": "signed"}, 401),
        ("signed", basic("signed"), {}, 401),
    ],
)
async def test_a_client_proves_itself_in_the_one_way_it_is_registered_with(
    client, authorization, fields, status
):
    memory = Memory()
    form = {**fields, **redeem(await memory.code(client), client)}
    answered, body = await memory.token(form, authorization)
    assert (answered, body.get("error")) == (
        status,
        {200: None, 400: "invalid_request", 401: "invalid_client"}[status],
    )


async def test_a_code_is_not_spent_where_the_id_token_cannot_be_signed():
    memory = Memory()
    form = redeem(await memory.code())
    memory.keys, keys = _unreadable, memory.keys
    with pytest.raises(RuntimeError, match="unreadable"):
        await memory.token(form)
    memory.keys = keys
    assert (await memory.token(form))[0] == 200


async def _unreadable():
    raise RuntimeError("unreadable")


@pytest.mark.item("smart-T4")
async def test_an_id_and_a_secret_are_encoded_as_the_values_of_a_form():
    memory = Memory()
    memory.clients["an app"] = replace(
        PUBLIC, id="an app", authentication="client_secret_basic", secrets=(tokens.sha256("a:b%"),)
    )
    form = redeem(await memory.code("an app"), "an app")
    assert (await memory.token(form, basic("an+app", "a%3Ab%25")))[0] == 200


async def test_who_is_refused_learns_how_to_prove_themselves_and_the_audit_who_it_was():
    memory = Memory()
    reply = await memory.endpoints.token(memory.form(redeem("c", "secretive"), basic("secretive", "wrong")))
    assert dict(reply.headers)["WWW-Authenticate"] == 'Basic realm="oauth"'
    assert [(event.action, event.succeeded, event.reason, event.client) for event in memory.events] == [
        ("token", False, "invalid_client", None)
    ]
    told = await memory.tokens()
    await memory.refresh(told["refresh_token"])
    assert [(event.action, event.subject, event.client, event.patient) for event in memory.events[1:]] == [
        ("token", "user:clara", "public", "p1"),
        ("refresh", "user:clara", "public", "p1"),
    ]


@pytest.mark.item("smart-T4")
async def test_a_field_without_a_value_was_not_sent():
    memory = Memory()
    empty = dict.fromkeys(("client_secret", "client_assertion", "client_assertion_type"), "")
    assert (await memory.token({**redeem(await memory.code(), "public"), **empty}))[0] == 200
