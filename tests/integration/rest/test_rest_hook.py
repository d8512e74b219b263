"""A rest-hook from its request to its notifications, over HTTP on both sides."""

import httpx
import pytest

from fhir_server.app import create_app
from tests.integration.rest.conftest import settings
from tests.integration.subscriptions.subscriber import BAD, LOOPBACK, OK, listening, until

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
TYPE = {"Content-Type": "application/fhir+json"}


def asked(endpoint, id, status="requested"):
    content = {"url": f"{GUIDE}/backport-payload-content", "valueCode": "full-resource"}
    return {
        "resourceType": "Subscription",
        "id": id,
        "meta": {"profile": [f"{GUIDE}/backport-subscription"]},
        "status": status,
        "reason": "test",
        "criteria": "urn:fhir-server:topic:Patient-created",
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "header": ["Authorization: Bearer canary-of-the-subscriber"],
            "payload": "application/fhir+json",
            "_payload": {"extension": [content]},
        },
    }


@pytest.mark.item("sub-T4")
@pytest.mark.item("sub-T7")
@pytest.mark.item("sub-G4")
async def test_a_subscriber_is_told_of_what_is_written_and_after_an_error_of_what_came_meanwhile(
    database, database_url
):
    app = create_app(settings(database_url, auth="off", outbound_allow=LOOPBACK))
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with (
        listening() as hook,
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=TYPE) as client,
    ):
        made = await client.put("/fhir/Subscription/s", json=asked(hook.url, "s"))
        assert (made.status_code, made.json()["status"]) == (201, "requested")
        await until(database, "s", state="active")
        one = await client.post("/fhir/Patient", json={"resourceType": "Patient", "active": True})
        (told,) = await hook.got(1, lambda hook: hook.notifications)
        assert told.bundle["entry"][1]["resource"] == one.json()
        assert told.headers["Authorization"] == "Bearer canary-of-the-subscriber"

        hook.answer = lambda _: b"404 Not Found"
        await client.post("/fhir/Patient", json={"resourceType": "Patient"})
        await until(database, "s", state="error", numbered=2, delivered=1)
        read = (await client.get("/fhir/Subscription/s")).json()
        assert (read["status"], read["error"]) == ("error", "The endpoint answered 404 Not Found.")
        assert "canary" not in str(read)
        hook.answer = lambda request: OK if request.kind == "handshake" else BAD
        await client.put("/fhir/Subscription/s", json={**read, "status": "requested"})
        await until(database, "s", state="active")
        hook.answer = lambda _: OK
        await until(database, "s", delivered=2)
    assert [request.kind for request in hook.asked].count("handshake") == 2
    assert hook.notifications[-1].numbers == [2]
    assert hook.notifications[-1].headers["Authorization"] == "Bearer canary-of-the-subscriber"
