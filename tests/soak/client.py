"""A client on one keep-alive connection, which knows an answer from none.

https://www.rfc-editor.org/rfc/rfc9112
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.soak.server import TOKEN

BEARER = {"Authorization": f"Bearer {TOKEN}"}
FHIR = BEARER | {"Content-Type": "application/fhir+json"}


class Unanswered(Exception):
    """The connection broke, or no answer came in time: what was asked may have been done or not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Sends one request at a time, and connects again after a broken connection."""

    def __init__(self, port: int, *, patience: float = 40.0) -> None:
        self._port = port
        self._patience = patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(
        self, method: str, path: str, headers: Mapping[str, str] = BEARER, body: bytes = b""
    ) -> Answer:
        """The answer; raises Unanswered."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience):
                status, fields, text = await self._exchanged(_request(method, path, headers, body), method)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise Unanswered(repr(error)) from error
        if fields.get("connection") == "close":
            self.close()
        return Answer(status, fields, text, time.perf_counter() - started)

    def close(self) -> None:
        """Gives the connection up."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _exchanged(self, sent: bytes, method: str) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(sent)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        length = 0 if method == "HEAD" else int(fields.get("content-length", 0))
        return int(head[0].split()[1]), fields, await reader.readexactly(length)


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device: its name and its secret, and the Device it is on the server."""

    name: str
    secret: str
    reference: str

    def signed(self, path: str, body: bytes, at: int | None = None) -> dict[str, str]:
        """The headers of a signed POST."""
        stamp = str(int(time.time()) if at is None else at)
        if path.startswith("/api/"):
            message = stamp.encode() + b"." + body
        else:
            digest = hashlib.sha256(body).hexdigest()
            message = f"POST\n{path}\n{stamp}\n{self.name}\n{digest}".encode()
        signature = base64.b64encode(hmac.digest(self.secret.encode(), message, "sha256")).decode()
        return {
            "X-Device-Id": self.name,
            "X-Timestamp": stamp,
            "X-Signature": signature,
            "Content-Type": "application/json",
        }


def _request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: soak",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if body or method in {"POST", "PUT"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def gathered(*tasks: "asyncio.Task[Any]", seconds: float) -> None:
    """Returns when all tasks are done, which must be within `seconds`; raises what one of them raised."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
