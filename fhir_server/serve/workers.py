"""Worker processes, kept at their number: started, replaced when they die, stopped gracefully.

https://docs.python.org/3/library/asyncio-subprocess.html
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

import structlog

from fhir_server.errors import OperatorError

GRACE_SECONDS = 15.0
_ATTEMPTS = 3
_LONGEST_PAUSE = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Orders:
    """What the owner was told: to stop, and then not to wait for requests under way."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def another(self) -> None:
        """Nothing; the first call stops, the next one hurries."""
        (self.hurry if self.stop.is_set() else self.stop).set()


@dataclass(frozen=True, slots=True)
class Launch:
    """How each worker is started, and whom it concerns that one has ended."""

    listener: socket.socket
    environment: Mapping[str, str]
    ended: Callable[[int], None]


async def keep(launch: Launch, count: int, orders: Orders, ready: Callable[[], None]) -> None:
    """Returns after `orders.stop`, with every worker gone; `ready` is called once, when all have come up.

    Raises OperatorError when a worker cannot come up at all.
    """
    missing = set(range(count))

    def came_up(number: int) -> None:
        if number in missing:
            missing.remove(number)
            if not missing:
                ready()

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(_Place(launch, orders, number, came_up).keep())
    except* OperatorError as failures:
        raise OperatorError(str(failures.exceptions[0])) from None


class _Place:
    """One of the workers' places: a process, and its successor when it dies."""

    def __init__(self, launch: Launch, orders: Orders, number: int, came_up: Callable[[int], None]) -> None:
        self._launch = launch
        self._orders = orders
        self._number = number
        self._came_up = came_up
        self._failures = 0
        self._served = False

    async def keep(self) -> None:
        """Returns after the order to stop; OperatorError when the first process here never serves."""
        while not self._orders.stop.is_set():
            process, announcement = await _started(self._launch)
            try:
                await self._watch(process, announcement)
            finally:
                os.close(announcement)
                await _stopped(process, self._orders)
                self._launch.ended(process.pid)
            if not self._orders.stop.is_set():
                await self._after(process.returncode)

    async def _watch(self, process: Process, announcement: int) -> None:
        """Returns when the process has ended or is to end."""
        if await _either(_announced(announcement), self._orders.stop.wait()) is True:
            self._failures, self._served = 0, True
            self._came_up(self._number)
        else:
            self._failures += 1
        await _either(process.wait(), self._orders.stop.wait())

    async def _after(self, status: int | None) -> None:
        if self._failures >= _ATTEMPTS and not self._served:
            raise OperatorError(
                f"A worker ended {_ATTEMPTS} times before it could serve, last with status {status}. "
                "What it said is above."
            )
        _log.error("worker_died", status=status)
        await _either(asyncio.sleep(min(self._failures, _LONGEST_PAUSE)), self._orders.stop.wait())


async def _started(launch: Launch) -> tuple[Process, int]:
    """A new worker, and the descriptor on which it says that it serves."""
    announcement, say = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "fhir_server.serve.worker",
            *map(str, (os.getpid(), launch.listener.fileno(), say)),
            env=dict(launch.environment),
            pass_fds=(launch.listener.fileno(), say),
            # A terminal's Ctrl-C is for the owner, which then stops each process in its turn.
            start_new_session=True,
        )
    except BaseException:
        os.close(announcement)
        raise
    finally:
        os.close(say)
    return process, announcement


async def _announced(descriptor: int) -> bool:
    """Whether the worker says that it serves; False when it ends without a word."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 1) != b""


async def _stopped(process: Process, orders: Orders) -> None:
    """Returns when the process has ended: by itself, at SIGTERM, or killed after the grace or an order to hurry."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await _either(process.wait(), orders.hurry.wait())
    if process.returncode is None:
        _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


async def _either(*coroutines: Coroutine[object, object, object]) -> object:
    """The result of the one that ends first; the others are cancelled."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
