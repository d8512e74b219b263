"""One worker process: the application on the listening socket it was given.

https://uvicorn.dev/settings/

    python -m fhir_server.serve.worker OWNER-PID LISTENING-DESCRIPTOR ANNOUNCEMENT-DESCRIPTOR
"""

import gc
import os
import resource
import socket
import sys
from collections.abc import Callable

import uvicorn

from fhir_server.serve.parent import die_with
from fhir_server.serve.protocol import Protocol, SocketProtocol

_GRACE_SECONDS = 10
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
_PING_SECONDS = 20.0
_MOST_HEARD = 64_000
"""Bytes of the largest message that a client may send over a WebSocket."""


class _Server(uvicorn.Server):
    """A server that tells its owner when it has begun to serve."""

    def __init__(self, config: uvicorn.Config, announcement: int, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._announcement = announcement
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Returns when requests are answered, or `should_exit` says that they will not be."""
        await super().startup(sockets)
        _settle()
        if self.started:
            os.write(self._announcement, b"1")
        os.close(self._announcement)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Returns when what was being answered is answered; what would go on for ever is ended first."""
        self._stopping()
        await super().shutdown(sockets)


def _settle() -> None:
    """What was made to start stays for the life of the process: no garbage collection looks at it again.

    A request brings thousands of objects that go with it, and some forty thousand are there at once while batches of
    readings are taken in: a collection for every 700, Python's own measure, was a quarter of the CPU of a transaction, and
    one for every 10,000 still 8 to 10 % of that of batches. docs/performance.md
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def _open_files() -> None:
    """As many files as may be open: each stream that stays open is one, and systems begin with a thousand."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main(owner: int, listener: int, announcement: int) -> None:
    """Nothing, after the owner said SIGTERM; exits with 1 or 3 when the application cannot start."""
    die_with(owner)
    _open_files()
    # Slow to import, and of no use in a process whose owner has gone.
    from fhir_server.app import create_app
    from fhir_server.errors import OperatorError
    from fhir_server.settings import Settings

    try:
        application = create_app(Settings())
    except OperatorError as error:
        sys.exit(f"fhir-server: {error}")
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http=Protocol,
        ws=SocketProtocol,
        ws_max_size=_MOST_HEARD,
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        ws_per_message_deflate=False,  # 40 kB for each client
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # rest/middleware/proxies.py believes those that the settings name
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, announcement, application.state.streams.end)
    server.run(sockets=[socket.socket(fileno=listener)])
    if not server.started:
        sys.exit(3)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
