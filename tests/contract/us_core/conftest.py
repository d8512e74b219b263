"""A server that holds what US Core searches are asked about."""

import base64

import httpx
import pytest_asyncio
from pydantic import SecretStr

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.contract.us_core import resources

TOKEN = "t" * 40


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def us_core(cloned):
    """A server that holds the resources, and asks for a token."""
    with cloned() as database_url:
        app = create_app(
            Settings(
                _env_file=None,
                database_url=SecretStr(database_url),
                master_key=SecretStr(base64.b64encode(b"k" * 32).decode()),
                token=SecretStr(TOKEN),
            )
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport, base_url="http://server.example", headers=headers
            ) as client,
        ):
            for resource in (*resources.made(), *resources.referred(), *resources.real()):
                address = f"/fhir/{resource['resourceType']}/{resource['id']}"
                answer = await client.put(address, json=resource)
                assert answer.status_code == 201, (address, answer.text)
            yield client
