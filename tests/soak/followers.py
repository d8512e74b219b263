"""Those who follow a Subscription on an open connection, and come back after every loss: server-sent events and WebSockets.

https://html.spec.whatwg.org/multipage/server-sent-events.html; docs/subscriptions.md
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import connect

from tests.soak.client import BEARER, FHIR, Client, Unanswered
from tests.soak.subscriber import Heard, Notice, told

_LOST = (OSError, EOFError, TimeoutError, httpx.HTTPError, websockets.WebSocketException, Unanswered)
_QUIET_SECONDS = 40.0


@dataclass
class Follower:
    """What one who follows the Subscription `id` heard, and how often they had to come back."""

    port: int
    id: str
    notices: list[Notice] = field(default_factory=list)
    connections: int = 0
    refusals: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The number of the last event that was heard."""
        return max((event.number for notice in self.notices for event in notice.events), default=0)

    def events(self) -> list[Heard]:
        """The events that came so far, in order, those that came twice twice."""
        return [event for notice in self.notices for event in notice.events]

    def numbers(self) -> set[int]:
        """The numbers of the events that came so far."""
        return {event.number for event in self.events()}

    def refused(self, status: int) -> None:
        """Counts an answer that was none of what was asked for."""
        self.refusals[status] = self.refusals.get(status, 0) + 1
        if status not in {429, 503}:
            self.faults.append(f"{self.id}: {status}")

    def greeted_badly(self, outcome: dict[str, Any]) -> None:  # Any: JSON
        """Counts an OperationOutcome that stood where the handshake was to be; only a database that is away excuses it."""
        self.refusals[0] = self.refusals.get(0, 0) + 1
        if outcome["issue"][0]["code"] not in {"transient", "throttled"}:
            self.faults.append(f"{self.id}: {outcome}")


async def by_events(one: Follower) -> None:
    """Never returns; listens to `$events-stream`, and after each loss from the last event on."""
    url = f"http://127.0.0.1:{one.port}/fhir/Subscription/{one.id}/$events-stream"
    timeout = httpx.Timeout(_QUIET_SECONDS, connect=5)
    while True:
        headers = BEARER | {"Accept": "text/event-stream", "Last-Event-ID": str(one.last)}
        with suppress(*_LOST):
            async with (
                httpx.AsyncClient(timeout=timeout) as client,
                client.stream("GET", url, headers=headers) as answer,
            ):
                if answer.status_code != 200:
                    one.refused(answer.status_code)
                else:
                    one.connections += 1
                    async for name, data in _events(answer.aiter_lines()):
                        _hear_event(one, name, data)
        await asyncio.sleep(0.2)


async def by_socket(one: Follower) -> None:
    """Never returns; binds to the Subscription on a WebSocket, and after each loss asks for what it missed."""
    with closing(Client(one.port, patience=10)) as client:
        while True:
            with suppress(*_LOST):
                await _bound(one, client)
            await asyncio.sleep(0.2)


async def _bound(one: Follower, client: Client) -> None:
    """Returns, or raises, when the connection is lost."""
    bound = await _binding(one, client)
    if bound is None:
        return
    async with connect(
        bound[1], host="127.0.0.1", port=one.port, proxy=None, open_timeout=5, max_size=2**24
    ) as line:
        await line.send(f"bind-with-token {bound[0]}")
        greeting = json.loads(await asyncio.wait_for(line.recv(), 10))
        if greeting["resourceType"] != "Bundle":
            one.greeted_badly(greeting)
            return
        one.connections += 1
        one.notices.append(told(greeting))
        await _missed(one, client)
        async for text in line:
            one.notices.append(told(json.loads(text)))


async def _binding(one: Follower, client: Client) -> tuple[str, str] | None:
    """A token and the address to use it at."""
    answer = await client.send("GET", f"/fhir/Subscription/{one.id}/$get-ws-binding-token")
    if answer.status != 200:
        one.refused(answer.status)
        return None
    said: dict[str, Any] = {each["name"]: each for each in answer.json()["parameter"]}
    return said["token"]["valueString"], said["websocket-url"]["valueUrl"]


async def _missed(one: Follower, client: Client) -> None:
    """Asks for the events after the last one that was heard, page after page."""
    while True:
        answer = await client.send(
            "GET", f"/fhir/Subscription/{one.id}/$events?eventsSinceNumber={one.last + 1}", FHIR
        )
        if answer.status != 200:
            one.refused(answer.status)
            raise Unanswered("$events")
        page = told(answer.json())
        if not page.events:
            return
        one.notices.append(page)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str]]:
    """The name and the text of each event."""
    name, data = "", list[str]()
    async for line in lines:
        field, _, value = line.partition(":")
        match field:
            case "event":
                name = value.strip()
            case "data":
                data.append(value.strip())
            case "" if not line:
                if data:
                    yield name, "\n".join(data)
                name, data = "", []


def _hear_event(one: Follower, name: str, data: str) -> None:
    if name in {"", "message"} or json.loads(data).get("resourceType") == "Bundle":
        one.notices.append(told(json.loads(data)))
    elif name != "end":
        one.faults.append(f"{one.id}: {name} {data[:200]}")
