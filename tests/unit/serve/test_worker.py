import asyncio
import gc
import os

import pytest
import uvicorn

from fhir_server.serve.protocol import Protocol
from fhir_server.serve.worker import _Server


@pytest.fixture(autouse=True)
def _collected_as_before():
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


async def test_a_worker_that_stops_ends_its_streams_before_it_waits_for_requests() -> None:
    stops = asyncio.Event()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await stops.wait()
        await send({"type": "http.response.body", "body": b"last words"})

    config = uvicorn.Config(
        app, http=Protocol, ws="none", port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=200
    )
    config.load()
    heard, says = os.pipe()
    server = _Server(config, says, stops.set)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    assert os.read(heard, 1) == b"1"
    os.close(heard)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"begun")

    await server.shutdown()

    assert b"last words" in await reader.read()
    writer.close()
    await writer.wait_closed()
