"""One worker process: the application on the listening socket it was given.

https://uvicorn.dev/settings/

    python -m fhir_server.serve.worker OWNER-PID LISTENING-DESCRIPTOR ANNOUNCEMENT-DESCRIPTOR
"""

import gc
import os
import socket
import sys

import uvicorn

from fhir_server.serve.parent import die_with
from fhir_server.serve.protocol import Protocol

_GRACE_SECONDS = 10
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


class _Server(uvicorn.Server):
    """A server that tells its owner when it has begun to serve."""

    def __init__(self, config: uvicorn.Config, announcement: int) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Returns when requests are answered, or `should_exit` says that they will not be."""
        await super().startup(sockets)
        _settle()
        if self.started:
            os.write(self._announcement, b"1")
        os.close(self._announcement)


def _settle() -> None:
    """What was made to start stays for the life of the process: no garbage collection looks at it again.

    A request brings thousands of objects that go with it, and some forty thousand are there at once while batches of
    readings are taken in: a collection for every 700, Python's own measure, was a quarter of the CPU of a transaction, and
    one for every 10,000 still 8 to 10 % of that of batches. docs/performance.md
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def main(owner: int, listener: int, announcement: int) -> None:
    """Nothing, after the owner said SIGTERM; exits with 1 or 3 when the application cannot start."""
    die_with(owner)
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
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # rest/middleware/proxies.py believes those that the settings name
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, announcement)
    server.run(sockets=[socket.socket(fileno=listener)])
    if not server.started:
        sys.exit(3)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
