"""Tokens of backends for themselves, without a server."""

import re

import pytest

from smart_auth.addresses import addresses
from tests.unit.smart_auth.memory import BACKEND, EC, Memory, asserted, assertion, basic


@pytest.mark.item("smart-authlib-expires-in")
@pytest.mark.item("smart-B1")
@pytest.mark.item("smart-B8")
async def test_a_backend_gets_a_token_for_five_minutes_and_nothing_to_renew_it():
    memory = Memory()
    status, body = await memory.token(asserted())
    assert status == 200
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 300, "system/*.rs")
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert [(event.action, event.subject) for event in memory.events] == [("token", "client:backend")]


@pytest.mark.item("smart-authlib-algorithms")
@pytest.mark.item("smart-B2")
async def test_es384_is_as_good_as_rs384():
    assert (await Memory().token(asserted(assertion(EC, "ES384"))))[0] == 200


@pytest.mark.item("smart-authlib-scope")
@pytest.mark.item("smart-B1")
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("scope", None, "invalid_scope"),
        ("client_assertion_type", None, "invalid_request"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
            "invalid_request",
        ),
        ("client_assertion", None, "invalid_client"),
        ("grant_type", None, "invalid_request"),
        ("grant_type", "not_a_grant_type", "unsupported_grant_type"),
    ],
)
async def test_each_part_of_the_request_is_needed(name, value, error):
    form = {key: each for key, each in (asserted() | {name: value}).items() if each is not None}
    status, body = await Memory().token(form)
    assert (status, body["error"]) == (401 if error == "invalid_client" else 400, error)


@pytest.mark.item("smart-authlib-requested-scope")
@pytest.mark.item("smart-B9")
@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("system/*.read", "system/*.read"),
        ("system/*.rs", "system/*.rs"),
        ("system/*.*", "system/*.read"),
        ("system/*.cruds", "system/*.rs"),
        ("system/Patient.read system/Observation.rs", "system/Patient.read system/Observation.rs"),
        ("system/Patient.crs", "system/Patient.rs"),
        ("system/Patient.s system/Patient.s", "system/Patient.s"),
        ("system/Observation.rs?category=vital-signs", "system/Observation.rs?category=vital-signs"),
    ],
)
async def test_scopes_are_narrowed_to_what_the_backend_is_registered_for(asked, granted):
    _, body = await Memory().token(asserted(scope=asked))
    assert body["scope"] == granted
    assert not re.search(r"\.\*\b|\.write\b|\.[cud]+\b", body["scope"])


@pytest.mark.item("smart-B9")
@pytest.mark.item("smart-S9")
@pytest.mark.parametrize(
    "scope",
    [
        "",
        " ",
        "launch fhirUser",
        "openid system/*.rs",
        "offline_access system/*.rs",
        "system/Patient.unknownAction",
        "system/Patient.xyz",
        "system/UnknownResource.read",
        "system/UnknownResource.r",
        "system/Patient.rs?a=b",
        "system/Patient.rs?a=b system/*.rs",
        "system/*.write",
        "system/Patient.c",
        "system/Patient.u",
        "system/Patient.d",
        "system/Patient.cu",
        "system/Patient.cud",
        "system/Patient.dus",
        "system/AuditEvent.rs",
        "patient/*.rs",
        "user/*.rs",
        "system/*",
        "*",
        "\u2028",
    ],
)
async def test_what_a_backend_cannot_have_is_refused(scope):
    status, body = await Memory().token(asserted(scope=scope))
    assert (status, body["error"]) == (400, "invalid_scope")


async def test_the_audit_is_read_by_a_backend_only_that_is_registered_for_it_by_name():
    memory = Memory()
    memory.clients["backend"] = memory.clients["backend"].__class__(
        "backend", "SIEM", "private_key_jwt", ("system/AuditEvent.rs",), backend=True, jwks=BACKEND.jwks
    )
    _, body = await memory.token(asserted(scope="system/AuditEvent.rs"))
    assert body["scope"] == "system/AuditEvent.rs"


@pytest.mark.item("smart-authlib-client-id")
@pytest.mark.item("smart-B7")
async def test_a_client_id_beside_the_assertion_is_the_clients_own():
    memory = Memory()
    assert (await memory.token(asserted(client_id="backend")))[0] == 200
    status, body = await memory.token(asserted(client_id="public"))
    assert (status, body["error"]) == (401, "invalid_client")


@pytest.mark.item("smart-T4")
async def test_an_assertion_beside_another_proof_is_refused():
    memory = Memory()
    for form, header in ((asserted(), basic("backend")), (asserted(client_secret="x"), None)):
        status, body = await memory.token(form, header)
        assert (status, body["error"]) == (400, "invalid_request")


async def test_a_backend_that_was_disabled_gets_nothing():
    memory = Memory()
    memory.clients["backend"] = memory.clients["backend"].__class__(
        "backend", "x", "private_key_jwt", ("system/*.rs",), backend=True, jwks=BACKEND.jwks, disabled=True
    )
    assert (await memory.token(asserted()))[1]["error"] == "invalid_client"


async def test_an_assertion_is_not_taken_for_an_address_that_the_request_alone_names():
    memory = Memory(here=addresses("https://evil.example/fhir", certain=False))
    status, body = await memory.token(asserted(assertion(aud="https://evil.example/oauth/token")))
    assert (status, body["error"]) == (401, "invalid_client")
    memory = Memory(here=addresses("http://127.0.0.1:8000/fhir", certain=False))
    assert (await memory.token(asserted(assertion(aud="http://127.0.0.1:8000/oauth/token"))))[0] == 200
