"""A server to send Bundles to, and what is asked of it again and again."""

import json

import pytest

FHIR = {"Content-Type": "application/fhir+json"}


@pytest.fixture
def send(client):
    """Sends a Bundle of a kind."""

    async def post(kind, *entries, **headers):
        tree = {"resourceType": "Bundle", "type": kind} | ({"entry": list(entries)} if entries else {})
        return await client.post("/fhir", content=json.dumps(tree), headers=FHIR | headers)

    return post


@pytest.fixture
def transact(send):
    """Sends a transaction that must succeed; its response entries."""

    async def post(*entries, **headers):
        answer = await send("transaction", *entries, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["entry"]

    return post


@pytest.fixture
def refused(send):
    """Sends a transaction that must fail; its status and issues."""

    async def post(*entries):
        answer = await send("transaction", *entries)
        assert answer.json()["resourceType"] == "OperationOutcome", answer.text
        return answer.status_code, answer.json()["issue"]

    return post


@pytest.fixture
def put(client):
    """Stores a resource under its id."""

    async def update(tree):
        url = f"/fhir/{tree['resourceType']}/{tree['id']}"
        answer = await client.put(url, content=json.dumps(tree), headers=FHIR)
        assert answer.status_code in (200, 201), answer.text

    return update


@pytest.fixture
def count(client):
    """How many resources of a type there are."""

    async def total(type, **params):
        answer = await client.get(f"/fhir/{type}", params={"_summary": "count", **params})
        return answer.json()["total"]

    return total


@pytest.fixture
def read(client):
    """A resource as it stands."""

    async def get(reference):
        answer = await client.get(f"/fhir/{reference}")
        return answer.json() if answer.status_code == 200 else answer.status_code

    return get
