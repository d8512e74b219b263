"""The owner process: its database, its workers, and what is to be done when it is told to stop.

https://docs.python.org/3/library/asyncio-eventloop.html#unix-signals
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from fhir_server import logs
from fhir_server.errors import OperatorError
from fhir_server.serve import metrics
from fhir_server.serve.interruption import SIGNALS, Interruption, interruptible
from fhir_server.serve.listen import address, is_loopback, listening
from fhir_server.serve.token import token
from fhir_server.serve.workers import Launch, Orders, keep
from fhir_server.settings import Settings
from fhir_server.store import migrate
from fhir_server.store.embedded import Embedded


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: where, with which token, on which database."""

    address: str
    token: str | None
    database_url: str
    settings: Settings


Companion: TypeAlias = Callable[[Running], Awaitable[None]]


def serve(settings: Settings, ready: Callable[[Running], None], companion: Companion | None = None) -> None:
    """Returns when the server was told to stop and everything is down; `ready` is called when it answers.

    A `companion` runs beside it from then on, in this process. Raises OperatorError when the server cannot start.
    """
    logs.configure(settings.log_level, settings.log_file)
    secret = token(settings)
    refuse_open_door(settings)
    with interruptible() as interruption, ExitStack() as stack:
        listener = stack.enter_context(listening(settings.host, settings.port))
        url = stack.enter_context(_database(settings, interruption))
        folder = stack.enter_context(metrics.metrics_folder())
        running = Running(address(listener), secret, url, settings)
        launch = Launch(
            listener,
            _environment(running, listener, folder),
            lambda pid: metrics.forget(folder, pid),
        )
        interruption.obeyed()
        asyncio.run(_kept(launch, running, ready, companion, interruption))


def refuse_open_door(settings: Settings) -> None:
    """Nothing; OperatorError when everyone would be let in from other machines."""
    if settings.auth == "off" and not is_loopback(settings.host):
        raise OperatorError(
            f"--auth off lets everyone in who can reach {settings.host}, so it listens on loopback only. "
            "Give --host 127.0.0.1, or --auth on."
        )


@contextmanager
def _database(settings: Settings, interruption: Interruption) -> Iterator[str]:
    """The database's URL, its schema brought forward; an embedded one runs as long as the block."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        migrate.upgrade(url)
        yield url
        return
    if settings.data_dir is None:
        raise OperatorError("The embedded PostgreSQL needs a folder. Give one with --data-dir.")
    with Embedded(settings.data_dir, heed=interruption.obeyed) as embedded:
        interruption.obeyed()
        migrate.upgrade(embedded.url)
        yield embedded.url


def _environment(running: Running, listener: socket.socket, folder: Path) -> dict[str, str]:
    """The environment of a worker: this process's own, with what was decided here."""
    settings = running.settings
    decided = {
        "DATABASE_URL": running.database_url,
        "FHIR_AUTH": settings.auth,
        "FHIR_DATA_DIR": str(settings.data_dir),
        "FHIR_HOST": settings.host,
        "FHIR_PORT": str(listener.getsockname()[1]),
        "FHIR_WORKERS": str(settings.workers),
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
    }
    if settings.log_file is not None:
        decided["FHIR_LOG_FILE"] = str(settings.log_file.absolute())
    if running.token is not None:
        decided["FHIR_TOKEN"] = running.token
    return {**os.environ, **decided}


async def _kept(
    launch: Launch,
    running: Running,
    ready: Callable[[Running], None],
    companion: Companion | None,
    interruption: Interruption,
) -> None:
    orders = Orders()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, orders.another)
    interruption.obeyed()
    answers = asyncio.Event()

    def came_up() -> None:
        ready(running)
        answers.set()

    beside = asyncio.create_task(_beside(companion, running, answers, orders)) if companion else None
    try:
        await keep(launch, running.settings.workers, orders, came_up)
    finally:
        if beside is not None:
            beside.cancel()
            await asyncio.wait([beside])
    if beside is not None and not beside.cancelled():
        beside.result()


async def _beside(companion: Companion, running: Running, answers: asyncio.Event, orders: Orders) -> None:
    await answers.wait()
    try:
        await companion(running)
    finally:
        orders.stop.set()
