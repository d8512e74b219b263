"""A running ingest on a database of the test's own, and a device that signs."""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fhir_server.interactions import device_registry
from fhir_server.interactions.ingest_gateway import gateway, pipeline
from fhir_server.keys import MasterKey
from fhir_server.settings import Settings
from fhir_server.store.database import Database
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.resources import read
from ingest.gateway import Gateway
from ingest.pipeline import Pipeline
from ingest.transports.http import router

SINCE = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SigningDevice:
    """What a device knows: its name, its secret, and where to send."""

    name: str
    secret: str
    client: httpx.AsyncClient
    reference: str
    clock: Callable[[], float] = lambda: datetime.now(UTC).timestamp()

    def signed(self, method: str, path: str, body: bytes, timestamp: int | None = None) -> dict[str, str]:
        stamp = str(int(self.clock()) if timestamp is None else timestamp)
        if path in ("/api/device/vitals", "/api/wearables/sync"):
            message = stamp.encode() + b"." + body
        else:
            message = "\n".join([method, path, stamp, self.name, hashlib.sha256(body).hexdigest()]).encode()
        digest = hmac.new(self.secret.encode(), message, hashlib.sha256).digest()
        return {
            "X-Device-Id": self.name,
            "X-Timestamp": stamp,
            "X-Signature": base64.b64encode(digest).decode(),
            "Content-Type": "application/json",
        }

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=text, headers=self.signed("POST", path, text) | headers)

    async def readings(self, body: object, **headers: str) -> httpx.Response:
        return await self.post("/ingest/readings", body, **headers)

    async def vitals(self, body: object, **headers: str) -> httpx.Response:
        return await self.post("/api/device/vitals", body, **headers)

    def named(self, name: str) -> "SigningDevice":
        return replace(self, name=name)

    def with_secret(self, secret: str) -> "SigningDevice":
        return replace(self, secret=secret)


@dataclass
class Clinic:
    """One database with ingest on it, as many workers as asked for."""

    database: Database
    master_key: MasterKey
    settings: Settings
    stack: AsyncExitStack
    names: "itertools.count[int]" = field(default_factory=itertools.count)

    async def worker(self, made: Gateway | None = None) -> httpx.AsyncClient:
        app = FastAPI()
        ingest = made or gateway(self.database, self.master_key, self.settings)
        app.include_router(router(ingest, max_body_bytes=self.settings.max_body_bytes))
        transport = httpx.ASGITransport(app=app)
        return await self.stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://clinic")
        )

    async def device(
        self,
        profile: str = "pulse-oximeter",
        *,
        name: str | None = None,
        patient: str | None = "p1",
        start: datetime = SINCE,
        client: httpx.AsyncClient | None = None,
    ) -> SigningDevice:
        enrolled = await device_registry.register(
            self.database,
            self.master_key,
            name=name or f"device-{next(self.names)}",
            profile=profile,
            patient=patient,
            start=None if patient is None else start,
        )
        return SigningDevice(enrolled.name, enrolled.secret, client or await self.worker(), enrolled.device)

    def pipeline(self) -> Pipeline:
        return pipeline(self.database, self.master_key)

    async def resource(self, reference: str) -> dict[str, Any]:
        type, _, id = reference.partition("/")
        async with self.database.connection() as connection:
            version = await read(connection, type, id, EVERYTHING)
        assert version is not None
        assert version.body is not None
        return json.loads(version.body, parse_float=str)

    async def scalar(self, sql: str) -> Any:
        async with self.database.connection() as connection:
            row = await (await connection.execute(sql)).fetchone()
        assert row is not None
        return row[0]

    async def execute(self, sql: str) -> None:
        async with self.database.connection() as connection:
            await connection.execute(sql)

    async def observations(self) -> int:
        return await self.scalar(
            "SELECT count(*) FROM resource WHERE body ->> 'resourceType' = 'Observation'"
        )


@pytest.fixture
async def clinic(database: Database) -> AsyncIterator[Clinic]:
    settings = Settings(_env_file=None, master_key=None)
    async with AsyncExitStack() as stack:
        yield Clinic(database, MasterKey(b"k" * 32), settings, stack)


@pytest.fixture
async def oximeter(clinic: Clinic) -> SigningDevice:
    return await clinic.device(name="pi-001")
