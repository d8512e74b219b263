"""Requests to the running server, as any client would make them.

https://datatracker.ietf.org/doc/html/rfc6750#section-2.1
"""

import asyncio
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from fhir_server.errors import OperatorError

_SECONDS: Final = 30
_AWAY: Final = frozenset({429, 503})


class ServerAway(OperatorError):
    """The server cannot answer just now; it may in a moment."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with the JSON that came with it."""

    status: int
    body: Any  # Any: whatever JSON the server sent

    def wanted(self, *statuses: int) -> "Answer":
        """This answer; OperatorError when its status is none of these, ServerAway when it may be later."""
        if self.status in _AWAY and self.status not in statuses:
            raise ServerAway(f"The server answered {self.status}.")
        if self.status not in statuses:
            raise OperatorError(f"The server answered {self.status} to the demonstration: {self.body}")
        return self


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the server at `address`, with the rights of `token`."""

    address: str
    token: str | None = field(repr=False)

    async def get(self, path: str) -> Answer:
        """The answer to GET of a path: `/fhir/Patient/p1`."""
        return await self._sent("GET", path)

    async def put(self, resource: Mapping[str, object]) -> Answer:
        """The answer to PUT of a resource at its own address."""
        path = f"/fhir/{resource['resourceType']}/{resource['id']}"
        return await self._sent("PUT", path, "application/fhir+json", orjson.dumps(resource))

    async def post(self, path: str, tree: Mapping[str, object]) -> Answer:
        """The answer to POST of JSON."""
        return await self._sent("POST", path, "application/json", orjson.dumps(tree))

    async def post_file(self, path: str, content: bytes) -> Answer:
        """The answer to POST of a file's content."""
        return await self._sent("POST", path, "application/octet-stream", content)

    async def _sent(self, method: str, path: str, kind: str = "", body: bytes | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= {"Content-Type": kind} if kind else {}
        url = self.address + path
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - our own address
        try:
            return await asyncio.to_thread(_answered, request)
        except (OSError, http.client.HTTPException) as error:
            raise ServerAway(f"The server at {url} does not answer: {error}.") from error


def _answered(request: urllib.request.Request) -> Answer:
    try:
        with _DIRECT.open(request, timeout=_SECONDS) as response:
            return Answer(response.status, _json(response.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _json(error.read()))


def _json(text: bytes) -> Any:  # Any: whatever JSON the server sent
    return orjson.loads(text) if text else None


# The server is on this machine: no proxy stands between.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
