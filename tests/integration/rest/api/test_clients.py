"""Apps and signing keys looked after over HTTP."""

import pytest

from fhir_server.rest.api.client_models import Client, ClientWithSecret
from tests.unit.smart_auth.memory import RSA

DASHBOARD = {
    "id": "dashboard",
    "name": "Dashboard",
    "authentication": "client_secret_basic",
    "scopes": ["user/*.rs", "openid", "fhirUser"],
    "redirect_uris": ["https://dashboard.example/back"],
}
FEED = {
    "id": "feed",
    "name": "Feed",
    "authentication": "client_secret_basic",
    "backend": True,
    "scopes": ["system/*.rs"],
}


async def token(client, id, secret):
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}
    return await client.post("/oauth/token", data=form, auth=(id, secret))


async def test_a_client_is_registered_shown_and_changed_and_its_secret_is_shown_once(client):
    made = await client.post("/api/clients", json=DASHBOARD)
    assert (made.status_code, made.headers["location"]) == (201, "/api/clients/dashboard")
    assert made.headers["cache-control"] == "no-store"
    ClientWithSecret.model_validate(made.json(), extra="forbid")
    assert made.json()["client_secret"].startswith("fhir-cs-")
    shown = await client.get("/api/clients/dashboard")
    Client.model_validate(shown.json(), extra="forbid")
    assert shown.json() == {name: value for name, value in made.json().items() if name != "client_secret"}
    assert (await client.get("/api/clients")).json() == {"clients": [shown.json()], "next": None}
    said = {name: value for name, value in DASHBOARD.items() if name != "id"} | {"scopes": ["openid"]}
    assert (await client.put("/api/clients/dashboard", json=said)).json()["scopes"] == ["openid"]
    assert (await client.put("/api/clients/gone", json=said)).status_code == 404
    assert (await client.post("/api/clients", json=DASHBOARD)).status_code == 409


async def test_a_client_without_an_id_gets_one_and_a_public_one_no_secret(client):
    public = {**DASHBOARD, "authentication": "none"}
    del public["id"]
    made = (await client.post("/api/clients", json=public)).json()
    assert made["client_secret"] is None
    assert (await client.get(f"/api/clients/{made['id']}")).json()["name"] == "Dashboard"
    assert (await client.post(f"/api/clients/{made['id']}/secret", json={})).status_code == 400


@pytest.mark.item("smart-T4")
async def test_a_new_secret_holds_at_once_and_the_one_before_as_long_as_was_said(client):
    first = (await client.post("/api/clients", json=FEED)).json()["client_secret"]
    assert (await token(client, "feed", first)).status_code == 200
    second = (await client.post("/api/clients/feed/secret", json={"overlap_hours": 1})).json()[
        "client_secret"
    ]
    assert [(await token(client, "feed", each)).status_code for each in (first, second)] == [200, 200]
    third = (await client.post("/api/clients/feed/secret", json={"overlap_hours": 0})).json()["client_secret"]
    answers = [(await token(client, "feed", each)).status_code for each in (first, second, third)]
    assert answers == [401, 401, 200]


@pytest.mark.item("smart-R6")
async def test_a_disabled_client_has_no_token_that_holds_from_the_next_request_on(client):
    secret = (await client.post("/api/clients", json=FEED)).json()["client_secret"]
    bearer = {"Authorization": f"Bearer {(await token(client, 'feed', secret)).json()['access_token']}"}
    assert (await client.get("/fhir/Patient", headers=bearer)).status_code == 200
    assert (await client.post("/api/clients/feed/disable")).json()["status"] == "disabled"
    assert (await client.get("/fhir/Patient", headers=bearer)).status_code == 401
    assert (await token(client, "feed", secret)).status_code == 401
    assert (await client.post("/api/clients/feed/enable")).json()["status"] == "active"
    assert (await token(client, "feed", secret)).status_code == 200


async def test_a_client_that_cannot_be_is_refused_by_the_member_that_is_wrong(client):
    signed = {**FEED, "authentication": "private_key_jwt"}
    for said, member in (
        (DASHBOARD | {"redirect_uris": ["http://dashboard.example/"]}, "redirect_uris"),
        (DASHBOARD | {"scopes": ["patient/*.xyz"]}, "scopes"),
        (DASHBOARD | {"authentication": "password"}, "authentication"),
        (DASHBOARD | {"unknown": 1}, "unknown"),
        (signed | {"jwks_uri": "https://127.0.0.1/jwks"}, "jwks_uri"),
        (signed | {"jwks": {"keys": [RSA.as_dict(private=True)]}}, "jwks.keys[0]"),
    ):
        response = await client.post("/api/clients", json=said)
        assert response.status_code == 400, said
        assert response.json()["issue"][0]["expression"] == [member]
        assert RSA.as_dict(private=True)["d"] not in response.text


@pytest.mark.item("smart-S11")
async def test_a_new_key_signs_and_the_one_before_is_published_for_as_long_as_it_was_used(client):
    before = {each["kid"] for each in (await client.get("/oauth/jwks")).json()["keys"]}
    made = await client.post("/api/keys", json={"algorithm": "RS256"})
    assert made.status_code == 201
    signing = [each for each in made.json()["keys"] if each["algorithm"] == "RS256"]
    assert [each["signs"] for each in signing] == [True, False]
    after = {each["kid"] for each in (await client.get("/oauth/jwks")).json()["keys"]}
    assert after == before | {signing[0]["kid"]}
    assert (await client.get("/api/keys")).json() == made.json()


@pytest.mark.item("smart-C2")
async def test_who_is_no_administrator_registers_nothing(client):
    del client.headers["authorization"]
    for method, path in (("POST", "/api/clients"), ("GET", "/api/clients"), ("POST", "/api/keys")):
        assert (await client.request(method, path, json=DASHBOARD)).status_code == 401
