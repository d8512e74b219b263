"""The CapabilityStatement says what is served, and what it does not say is refused."""

import pytest

from fhir_server.definitions.search_parameters import for_type
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.validation.structure import check

VALUES = {
    "token": "x",
    "reference": "Patient/1",
    "date": "2026-01-01",
    "string": "x",
    "quantity": "1",
    "number": "1",
    "uri": "http://example.org",
    "special": "x",
}


def value(parameter):
    """A value that the parameter takes."""
    return "$".join(VALUES[part.type] for part in parameter.components or (parameter,))


@pytest.fixture
async def statement(client):
    return (await client.get("/fhir/metadata")).json()


async def test_the_statement_is_valid_and_names_every_type(client, statement):
    check("CapabilityStatement", (await client.get("/fhir/metadata")).content)
    assert statement["fhirVersion"] == "4.0.1"
    assert [resource["type"] for resource in statement["rest"][0]["resource"]] == sorted(RESOURCE_TYPES)
    assert statement["implementation"]["url"] == "http://localhost:8000/fhir"


async def test_every_interaction_listed_is_served_and_no_other(client, statement):
    requests = {
        "read": ("GET", "/1", 404),
        "vread": ("GET", "/1/_history/1", 404),
        "update": ("PUT", "/1", 201),
        "patch": ("PATCH", "/1", 200),
        "delete": ("DELETE", "/1", 204),
        "history-instance": ("GET", "/0/_history", 404),
        "history-type": ("GET", "/_history", 200),
        "create": ("POST", "", 201),
        "search-type": ("GET", "", 200),
    }
    (basic,) = [found for found in statement["rest"][0]["resource"] if found["type"] == "Basic"]
    listed = {interaction["code"] for interaction in basic["interaction"]}
    resource, patch = b'{"resourceType":"Basic","id":"1","code":{"text":"x"}}', b"[]"
    for code, (method, path, status) in requests.items():
        body, media = (
            (patch, "application/json-patch+json") if code == "patch" else (resource, "application/json")
        )
        answer = await client.request(
            method, f"/fhir/Basic{path}", content=body, headers={"Content-Type": media}
        )
        assert answer.status_code == status, code
    assert listed == set(requests)


async def test_every_search_parameter_listed_is_served_and_no_other(client, statement):
    for resource in statement["rest"][0]["resource"]:
        type = resource["type"]
        listed = {parameter["name"]: parameter for parameter in resource["searchParam"]}
        for code, parameter in for_type(type).items():
            if type not in ("Patient", "Observation", "Device") and sum(map(ord, type + code)) % 8:
                continue
            query = f"{code}={value(parameter)}"
            answer = await client.get(f"/fhir/{type}?{query}&_count=1")
            assert answer.status_code == (200 if code in listed else 400), (type, query, answer.text)
            if code in listed:
                assert listed[code]["type"] == parameter.type
                assert listed[code]["definition"] == parameter.url


async def test_a_search_parameter_that_gives_no_order_says_so_and_no_other(client, statement):
    (observation,) = (one for one in statement["rest"][0]["resource"] if one["type"] == "Observation")

    for parameter in observation["searchParam"]:
        answer = await client.get(f"/fhir/Observation?_sort={parameter['name']}")
        assert (answer.status_code == 400) is (parameter.get("documentation") == "`_sort` does not take it.")


@pytest.mark.item("sub-T1")
async def test_the_statement_names_what_a_server_of_subscriptions_has_and_all_of_it_is_served(
    client, statement
):
    guide = "http://hl7.org/fhir/uv/subscriptions-backport"
    rest = statement["rest"][0]
    assert statement["instantiates"] == [f"{guide}/CapabilityStatement/backport-subscription-server-r4"]
    assert rest["extension"] == [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket",
            "valueUri": "ws://localhost:8000/ws/subscriptions",
        }
    ]
    (found,) = [one for one in rest["resource"] if one["type"] == "Subscription"]
    assert found["supportedProfile"] == [f"{guide}/StructureDefinition/backport-subscription"]
    assert {"url", "status"} <= {one["name"] for one in found["searchParam"]}
    assert {"status", "events", "get-ws-binding-token"} <= {one["name"] for one in found["operation"]}
    topics = {one["valueCanonical"] for one in found["extension"]}
    assert {one["url"] for one in found["extension"]} == {f"{guide}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"}  # fmt: skip
    assert len(topics) == len(found["extension"]) > 400
    for topic in (
        "urn:fhir-server:topic:new-reading",
        "urn:fhir-server:topic:Basic-deleted",
        "http://localhost:8000/fhir/SubscriptionTopic/new-reading",
        "urn:fhir-server:topic:no",
        "http://localhost:8000/fhir/SubscriptionTopic/no",
    ):
        tree = {
            "resourceType": "Subscription",
            "status": "requested",
            "reason": "test",
            "criteria": topic,
            "channel": {"type": "websocket", "payload": "application/fhir+json"},
        }
        answer = await client.post("/fhir/Subscription", json=tree)
        assert answer.status_code == (201 if topic in topics else 422), answer.text
    assert (await client.get("/fhir/Subscription?status=active&url:missing=true")).json()["entry"]


async def test_the_statement_has_an_etag(client):
    first = await client.get("/fhir/metadata")
    again = await client.get("/fhir/metadata", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("mode", ["terminology", "normative", "nonsense", ""])
async def test_another_mode_is_refused(client, mode):
    answer = await client.get(f"/fhir/metadata?mode={mode}")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["mode"]
