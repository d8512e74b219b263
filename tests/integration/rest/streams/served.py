"""The application on a port of this machine, as a worker serves it: in a thread, so that clients of any kind may connect."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from fhir_server.serve.protocol import Protocol, SocketProtocol


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of the running application, stopped as a worker stops."""
    config = uvicorn.Config(
        app, port=0, loop="uvloop", http=Protocol, ws=SocketProtocol, lifespan="on", log_config=None,
        access_log=False, proxy_headers=False, ws_per_message_deflate=False, timeout_graceful_shutdown=5,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "it did not start"
            time.sleep(0.01)
        (listening,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        app.state.streams.end()
        server.should_exit = True
        thread.join()
