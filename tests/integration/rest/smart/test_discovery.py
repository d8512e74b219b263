"""What apps read first, over HTTP."""

import base64

import pytest
from joserfc import jws
from pydantic import SecretStr

from fhir_server.keys import MasterKey
from fhir_server.store.smart.signing_keys import SigningKeys
from smart_auth.discovery import CAPABILITIES
from tests.unit.smart_auth.memory import HERE

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMART = "/fhir/.well-known/smart-configuration"
DOCUMENTS = (SMART, "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


@pytest.mark.item("smart-D1")
@pytest.mark.item("smart-D2")
async def test_everyone_gets_json_whatever_they_accept(server):
    for accept in ("application/fhir+json", "text/html", "application/xml", "*/*", ""):
        answer = await server.client.get(SMART, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json()["capabilities"] == list(CAPABILITIES)


@pytest.mark.item("smart-D3")
@pytest.mark.item("smart-D4")
@pytest.mark.item("smart-D5")
@pytest.mark.item("smart-D6")
@pytest.mark.item("smart-D7")
@pytest.mark.item("smart-D8")
async def test_the_configuration_says_where_everything_is_and_what_is_taken(server):
    told = (await server.client.get(SMART)).json()
    assert {
        name: told[name] for name in told if name.endswith("_endpoint") or name in ("issuer", "jwks_uri")
    } == {
        "issuer": "https://server.example",
        "authorization_endpoint": "https://server.example/oauth/authorize",
        "token_endpoint": "https://server.example/oauth/token",
        "introspection_endpoint": "https://server.example/oauth/introspect",
        "revocation_endpoint": "https://server.example/oauth/revoke",
        "management_endpoint": "https://server.example/oauth/apps",
        "jwks_uri": "https://server.example/oauth/jwks",
    }
    assert {"authorization_code", "client_credentials", "refresh_token"} == set(told["grant_types_supported"])
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["response_types_supported"] == ["code"]
    assert {"private_key_jwt", "client_secret_basic"} <= set(told["token_endpoint_auth_methods_supported"])
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert {"launch-ehr", "launch-standalone", "sso-openid-connect", "permission-v2"} <= set(
        told["capabilities"]
    )


@pytest.mark.item("smart-D10")
@pytest.mark.item("smart-M1")
async def test_all_documents_name_one_issuer(server):
    told = [(await server.client.get(path)).json() for path in DOCUMENTS]
    assert {each["issuer"] for each in told} == {HERE.issuer}
    assert (told[2]["subject_types_supported"], told[2]["id_token_signing_alg_values_supported"]) == (
        ["public"],
        ["RS256"],
    )
    assert {"authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"} <= set(
        told[2]
    )


@pytest.mark.item("smart-D3")
@pytest.mark.parametrize(
    ("base_url", "issuer"),
    [
        (None, "https://server.example"),
        ("https://ehr.example/north/fhir", "https://ehr.example/north"),
        ("https://ehr.example/r4", "https://ehr.example"),
    ],
)
async def test_addresses_are_those_that_clients_see(running, base_url, issuer):
    async with running(base_url=base_url) as server:
        told = (await server.client.get(SMART)).json()
    assert (told["issuer"], told["token_endpoint"]) == (issuer, f"{issuer}/oauth/token")


@pytest.mark.item("smart-D9")
async def test_older_apps_find_the_endpoints_in_the_capability_statement(server):
    security = (await server.client.get("/fhir/metadata")).json()["rest"][0]["security"]
    uris = {each["url"]: each["valueUri"] for each in security["extension"][0]["extension"]}
    assert uris["authorize"] == HERE.authorize
    assert uris["token"] == HERE.token
    assert set(uris) == {"authorize", "token", "introspect", "revoke", "manage"}
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"


@pytest.mark.item("smart-D2")
async def test_a_page_of_any_origin_may_read_what_is_public(server):
    for path in (*DOCUMENTS, "/fhir/metadata", "/oauth/jwks"):
        for headers in ({"Origin": "https://anyone.example"}, {}):
            answer = await server.client.get(path, headers=headers)
            assert answer.headers["access-control-allow-origin"] == "*", path


@pytest.mark.item("smart-T6")
async def test_the_pages_of_registered_apps_may_call_and_no_others(server):
    own = await server.app(redirect_uris=("https://Charts.example:8443/back", "com.example.charts:/back"))
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, prefer, if-match",
    }
    for path in ("/oauth/token", "/fhir/Patient"):
        for origin, status in (("https://charts.example:8443", 204), ("https://evil.example", 400)):
            answer = await server.client.options(path, headers=asked | {"Origin": origin})
            assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (
                status,
                origin if status == 204 else None,
            )
    told = await server.client.post("/oauth/token", data={}, headers={"Origin": "https://app.example"})
    assert told.headers["access-control-allow-origin"] == "https://app.example"
    exposed = set(told.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"Content-Location", "Location", "ETag", "Retry-After", "X-Progress", "Last-Modified"}
    assert own.id
    page = await server.client.options("/oauth/authorize", headers=asked | {"Origin": "https://app.example"})
    assert "access-control-allow-origin" not in page.headers


async def test_keys_under_another_master_key_are_told_as_what_the_operator_must_repair(server, running):
    assert (await server.client.get("/oauth/jwks")).status_code == 200
    other = SecretStr(base64.b64encode(b"o" * 32).decode())
    async with running(master_key=other) as restored:
        answer = await restored.client.get("/oauth/jwks")
        told = await restored.redeemed(await restored.code())
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (503, "transient")
    assert (told.status_code, told.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.item("smart-S11")
async def test_keys_are_told_without_their_private_parts_and_outlive_their_last_signature(server):
    before = {key["kid"]: key for key in (await server.client.get("/oauth/jwks")).json()["keys"]}
    assert sorted(key["alg"] for key in before.values()) == ["ES384", "RS256"]
    assert {name for key in before.values() for name in key} == {
        "kty", "n", "e", "crv", "x", "y", "use", "alg", "kid",
    }  # fmt: skip
    new = await SigningKeys(server.database, MasterKey(b"k" * 32)).rotate("RS256")
    after = {key["kid"]: key for key in (await server.other.get("/oauth/jwks")).json()["keys"]}
    assert after.keys() == before.keys() | {new}
    told = await server.tokens()
    assert jws.extract_compact(told["id_token"].encode()).headers()["kid"] == new
