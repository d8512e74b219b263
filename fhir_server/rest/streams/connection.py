"""The connection under a stream, and who fills the stream while it is open.

https://asgi.readthedocs.io/en/latest/extensions.html
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, cast

from fhir_server.rest.asgi import Scope
from fhir_server.rest.streams.stream import Stream
from fhir_server.tasks import ended

Producing: TypeAlias = Callable[[Stream], Awaitable[None]]

HANG_UP: Final = "fhir_server.hang_up"
"""An extension of ASGI, of serve/protocol.py: what drops the connection at once, with all that the client has not read."""


def hanging_up(scope: Scope) -> Callable[[], None] | None:
    """What drops the connection; None where the server has no such thing."""
    return cast("Callable[[], None] | None", (scope.get("extensions") or {}).get(HANG_UP))


@asynccontextmanager
async def producing(stream: Stream, produce: Producing | None) -> AsyncIterator[None]:
    """Has `produce` fill the stream while the block runs; when it returns the stream is over.

    Raises what it raises after the block, the client having been told that the stream is over.
    """
    if produce is None:
        yield
        return
    task = asyncio.create_task(_produced(stream, produce))
    try:
        yield
    finally:
        failure = task.exception() if task.done() and not task.cancelled() else None
        await ended(task)
    if failure is not None:
        raise failure


async def _produced(stream: Stream, produce: Producing) -> None:
    try:
        await produce(stream)
    except Exception:
        stream.end("error")
        raise
    stream.end("done")
