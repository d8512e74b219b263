import re

import httpx
import pytest

from fhir_server.app import create_app
from smart_auth.principal import Principal
from tests.integration.rest.conftest import TOKEN, connected, settings


@pytest.fixture
def database_url(shared_database_url):
    return shared_database_url


@pytest.fixture
def client(shared_client):
    return shared_client


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}",
               "Bearer \xe9"]
)  # fmt: skip
async def test_who_does_not_send_the_token_is_told_to_log_in(client, header):
    del client.headers["authorization"]
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = await client.get("/fhir/Patient/1", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["issue"][0]["code"] == "login"


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN}"])
async def test_the_token_lets_in(client, header):
    answer = await client.get("/fhir/Patient/1", headers={"Authorization": header})
    assert answer.status_code == 404


@pytest.mark.item("access-conformance")
async def test_every_interaction_but_metadata_needs_the_token(client, patient, fhir):
    del client.headers["authorization"]
    for method, path in [
        ("GET", "/fhir/Patient/1"), ("GET", "/fhir/Patient/1/_history"), ("GET", "/fhir/Patient/1/_history/1"),
        ("GET", "/fhir/Patient/_history"), ("GET", "/fhir/_history"), ("GET", "/fhir/Patient"),
        ("POST", "/fhir/Patient/_search"), ("POST", "/fhir/Patient"), ("PUT", "/fhir/Patient/1"),
        ("PUT", "/fhir/Patient?_id=1"), ("PATCH", "/fhir/Patient/1"), ("PATCH", "/fhir/Patient?_id=1"),
        ("DELETE", "/fhir/Patient/1"), ("DELETE", "/fhir/Patient?_id=1"),
    ]:  # fmt: skip
        assert (await client.request(method, path, **fhir(patient))).status_code == 401, (method, path)
    for path in ("/fhir/metadata", "/health", "/ready"):
        assert (await client.get(path)).status_code == 200, path


async def test_a_server_without_a_token_of_the_operators_starts_and_lets_no_stranger_in(database_url):
    app = create_app(settings(database_url).model_copy(update={"token": None}))
    async with app.router.lifespan_context(app), connected(app) as client:
        assert (await client.get("/fhir/metadata")).status_code == 200
        for sent in (f"Bearer {TOKEN}", "Bearer ", "Bearer None", "Basic Og=="):
            assert (await client.get("/fhir/Patient", headers={"Authorization": sent})).status_code == 401


async def test_with_auth_off_everyone_is_let_in(serving):
    async with serving(auth="off") as client:
        client.base_url = "http://localhost:8000"
        del client.headers["authorization"]
        assert (await client.get("/fhir/Patient/1")).status_code == 404


async def test_metrics_are_not_for_every_app_that_has_a_token(database_url):
    class Known:
        async def authenticate(self, _):
            return Principal("client:growth-chart", frozenset({"system/*.cruds"}))

    app = create_app(settings(database_url), Known())
    transport = httpx.ASGITransport(app=app, client=("203.0.113.9", 1), raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://server.example") as far,
    ):
        assert (await far.get("/metrics", headers={"Authorization": "Bearer x"})).status_code == 403


async def test_metrics_are_for_this_machine_or_administrators(shared_app, client):
    await client.get("/fhir/Patient/1")
    assert 'interaction="read",status="404"' in (await client.get("/metrics")).text
    far = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shared_app, client=("203.0.113.9", 1)),
        base_url="http://server.example",
    )
    async with far:
        assert (await far.get("/metrics")).status_code == 401
        assert (await far.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200
    del client.headers["authorization"]
    assert (await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})).status_code == 401


async def test_metrics_carry_no_ids(client, patient, fhir):
    await client.put("/fhir/Patient/secret-id-1", **fhir(patient | {"id": "secret-id-1"}))
    await client.get("/fhir/Patient/secret-id-1")
    text = (await client.get("/metrics")).text
    assert "secret-id-1" not in text
    assert "Chalmers" not in text


async def test_browsers_are_let_in_from_the_origins_allowed(serving):
    async with serving(cors_origins=("https://app.example",)) as client:
        preflight = {
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization, if-match",
        }
        good = await client.options("/fhir/Patient/1", headers=preflight | {"Origin": "https://app.example"})
        bad = await client.options("/fhir/Patient/1", headers=preflight | {"Origin": "https://evil.example"})
        read = await client.get("/fhir/Patient/1", headers={"Origin": "https://app.example"})
        other = await client.get("/fhir/Patient/1", headers={"Origin": "https://evil.example"})
    assert good.status_code == 204
    assert good.headers["access-control-allow-origin"] == "https://app.example"
    assert (bad.status_code, bad.json()["resourceType"]) == (400, "OperationOutcome")
    assert "access-control-allow-origin" not in bad.headers
    assert read.headers["access-control-allow-origin"] == "https://app.example"
    exposed = set(re.split(", *", read.headers["access-control-expose-headers"]))
    assert exposed >= {"ETag", "Location", "Last-Modified", "X-Request-Id", "Retry-After"}
    assert exposed >= {"Accept-Ranges", "Content-Range", "Content-Disposition", "X-Security-Context"}
    assert "access-control-allow-origin" not in other.headers


async def test_without_origins_no_browser_is_let_in(client):
    headers = {"Origin": "https://unknown.example", "Access-Control-Request-Method": "GET"}
    answer = await client.options("/fhir/Patient/1", headers=headers)
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers
    told = await client.options("/fhir/Patient/1")
    assert set(told.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}


async def test_a_request_id_is_kept_when_harmless_and_made_when_not(client):
    kept = await client.get("/health", headers={"X-Request-Id": "gateway-7.3"})
    made = await client.get("/health", headers={"X-Request-Id": "Chalmers, Peter"})
    assert kept.headers["x-request-id"] == "gateway-7.3"
    assert re.fullmatch("[0-9a-f]{16}", made.headers["x-request-id"])
