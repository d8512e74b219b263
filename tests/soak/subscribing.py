"""Subscriptions as clients ask for them, and how they stand.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/; docs/subscriptions.md
"""

import asyncio
import json
import time
from collections.abc import Collection
from typing import Any

import psycopg

from tests.soak.client import FHIR, Client
from tests.soak.server import Server
from tests.soak.telling import Watch, created

TOPIC = "urn:fhir-server:topic:"
CREATED = "Observation-created"
_EXTENSIONS = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
_CHANNELS = "urn:fhir-server:code-system:channel-type"

LOOPBACK = '["127.0.0.0/8"]'
"""The setting by which subscribers on this machine may be sent to."""


def by_topic(
    topic: str,
    *filters: str,
    endpoint: str | None = None,
    channel: str = "rest-hook",
    content: str = "id-only",
    most: int | None = None,
) -> dict[str, Any]:
    """A Subscription to a topic, with filters, that goes to `endpoint`, or by another channel."""
    way: dict[str, Any] = {
        "type": channel,
        "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": f"{_EXTENSIONS}/backport-payload-content", "valueCode": content}]},
    }
    if channel == "sse":
        coding = {"system": _CHANNELS, "code": "sse"}
        way |= {
            "type": "websocket",
            "_type": {"extension": [{"url": f"{_EXTENSIONS}/backport-channel-type", "valueCoding": coding}]},
        }
    if endpoint is not None:
        way["endpoint"] = endpoint
    if most is not None:
        way["extension"] = [{"url": f"{_EXTENSIONS}/backport-max-count", "valuePositiveInt": most}]
    asked: dict[str, Any] = {**_subscription(TOPIC + topic, way)}
    asked["meta"] = {"profile": [f"{_EXTENSIONS}/backport-subscription"]}
    if filters:
        asked["_criteria"] = {
            "extension": [
                {"url": f"{_EXTENSIONS}/backport-filter-criteria", "valueString": each} for each in filters
            ]
        }
    return asked


def by_search(criteria: str, endpoint: str) -> dict[str, Any]:
    """A Subscription of R4's own kind, whose subscriber is sent the resources themselves."""
    return _subscription(
        criteria, {"type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json"}
    )


async def subscribed(client: Client, asked: dict[str, Any]) -> str:
    """The id of the Subscription that was made."""
    answer = await client.send("POST", "/fhir/Subscription", FHIR, json.dumps(asked).encode())
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


async def observing(client: Client, endpoint: str) -> Watch:
    """A subscription to every new Observation."""
    return Watch(await subscribed(client, by_topic(CREATED, endpoint=endpoint)), ("Observation",), created)


async def standing(client: Client, id: str) -> str:
    """The status of the Subscription."""
    answer = await client.send("GET", f"/fhir/Subscription/{id}")
    assert answer.status == 200, answer.body
    return str(answer.json()["status"])


async def await_standing(client: Client, ids: Collection[str], wanted: str, seconds: float) -> None:
    """Returns when all of them have the status; AssertionError after `seconds`."""
    limit = time.monotonic() + seconds
    for id in ids:
        while (found := await standing(client, id)) != wanted:
            assert time.monotonic() < limit, f"Subscription/{id} is {found}, not {wanted}"
            await asyncio.sleep(0.1)


def leader(server: Server) -> tuple[int, int]:
    """The epoch, and the process that numbers events under it."""
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute("SELECT epoch, leader FROM subscription_cursor").fetchone()
    assert row is not None
    return int(row[0]), int(str(row[1]).partition("@")[0])


def _subscription(criteria: str, channel: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to be told in every storm",
        "criteria": criteria,
        "channel": channel,
    }
