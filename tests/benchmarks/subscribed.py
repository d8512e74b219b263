"""Subscriptions for the benchmarks: made over HTTP by the hundred, and how far the server has come with their events.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/
"""

import asyncio
import json
import urllib.request
from collections.abc import Iterable

import orjson
import psycopg

from tests.benchmarks.content import BEARER, JSON
from tests.benchmarks.driver import drive, request
from tests.benchmarks.processes import Server

_GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
_HELD = "UPDATE subscription_cursor SET epoch = epoch + 1, leader = 'bench', lease_until = clock_timestamp() + interval '1 h'"
_FREED = "UPDATE subscription_cursor SET lease_until = clock_timestamp()"
_NUMBERED = "SELECT coalesce(sum(numbered), 0)::bigint FROM subscription_progress"
_WAITING = "SELECT count(*) FROM subscription WHERE state = 'requested'"


def subscription(
    id: str, channel: dict[str, object], patient: str | None, most: int | None = None
) -> dict[str, object]:
    """One for new readings with their content, of one patient or of all, in notifications of at most so many events."""
    content = [{"url": f"{_GUIDE}backport-payload-content", "valueCode": "full-resource"}]
    bounds = [{"url": f"{_GUIDE}backport-max-count", "valuePositiveInt": most}] if most else []
    bounds.append({"url": f"{_GUIDE}backport-timeout", "valueUnsignedInt": 60})
    filters = [{"url": f"{_GUIDE}backport-filter-criteria", "valueString": f"patient=Patient/{patient}"}]
    return {
        "resourceType": "Subscription",
        "id": id,
        "meta": {"profile": [f"{_GUIDE}backport-subscription"]},
        "status": "requested",
        "reason": "benchmark",
        "criteria": "urn:fhir-server:topic:new-reading",
        **({"_criteria": {"extension": filters}} if patient else {}),
        "channel": {
            "extension": bounds,
            **channel,
            "payload": "application/fhir+json",
            "_payload": {"extension": content},
        },
    }


def rest_hook(port: int, path: str) -> dict[str, object]:
    """A channel to an endpoint on this machine."""
    return {"type": "rest-hook", "endpoint": f"http://127.0.0.1:{port}/{path}"}


def web_socket() -> dict[str, object]:
    """A channel that is asked for by WebSocket, or as Server-Sent Events."""
    return {"type": "websocket"}


async def subscribe(running: Server, subscriptions: Iterable[dict[str, object]]) -> None:
    """Returns when all of them are there and every handshake is over."""
    asked = (
        request("PUT", f"/fhir/Subscription/{each['id']}", JSON, orjson.dumps(each)) for each in subscriptions
    )
    load = await drive(running.port, asked)
    if set(load.statuses) - {201}:
        raise SystemExit(f"Subscriptions are answered with {load.statuses}")
    for _ in range(600):
        if not await asyncio.to_thread(_number, running.database_url, _WAITING):
            return
        await asyncio.sleep(0.1)
    raise SystemExit("Subscriptions are `requested` for a minute")


async def unsubscribe(running: Server, ids: Iterable[str]) -> None:
    """Returns when they are deleted."""
    await drive(running.port, (request("DELETE", f"/fhir/Subscription/{id}", BEARER) for id in ids))


def binding(running: Server, id: str) -> str:
    """A token that binds a WebSocket to the subscription."""
    address = f"http://127.0.0.1:{running.port}/fhir/Subscription/{id}/$get-ws-binding-token"
    with urllib.request.urlopen(urllib.request.Request(address, headers=BEARER)) as answer:
        parameters = json.load(answer)["parameter"]
    return next(each["valueString"] for each in parameters if each["name"] == "token")


def numbered(running: Server) -> int:
    """How many events were given a number, of all subscriptions together."""
    return _number(running.database_url, _NUMBERED)


def hold(running: Server) -> None:
    """Nobody numbers events from now on, as while every server is down."""
    _do(running.database_url, _HELD)


def free(running: Server) -> None:
    """Whoever comes first numbers events again."""
    _do(running.database_url, _FREED)


def _number(url: str, sql: str) -> int:
    with psycopg.connect(url) as connection:
        return int(connection.execute(sql).fetchone()[0])


def _do(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)
