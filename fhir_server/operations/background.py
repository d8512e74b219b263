"""The part of a server process that does jobs, a little at a time, beside the requests.

docs/operations.md, "Work in the background"
"""

import asyncio
import time
from contextlib import suppress
from typing import Final

import psycopg
import structlog
from prometheus_client import Gauge

from fhir_server.errors import RequestError, Unavailable
from fhir_server.ids import uuid7
from fhir_server.operations import reindexing
from fhir_server.store import jobs
from fhir_server.store.database import Database
from fhir_server.store.jobs import Job, LeaseLost

FIRST_LOOK_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 1.0
BATCH: Final = 100  # resources, some milliseconds in which no request is served
RETRY_SECONDS: Final = 60
SHARE: Final = 0.5  # of the time, at most

_STALE: Final = Gauge(
    "fhir_search_index_stale",
    "1 while resources have the search index of an earlier version.",
    multiprocess_mode="livemax",
)
_NOTICE: Final = "The search index is being rebuilt after an upgrade: resources may be missing here until that is done. Search again later."


class Background:
    """Looks for jobs and does them until `run` is cancelled; references under `base_url` are the server's own."""

    def __init__(self, database: Database, base_url: str) -> None:
        self._database = database
        self._base_url = base_url
        self._worker = uuid7()
        self._stale = True  # as long as nothing is known
        self._asked = False
        self._hindered = False
        self._log = structlog.get_logger()

    @property
    def notices(self) -> tuple[str, ...]:
        """What every search must tell: that the index is not whole, or not known to be."""
        return (_NOTICE,) if self._stale else ()

    def refuse_blindness(self) -> None:
        """Nothing when the index is whole; raises Unavailable while what it does not show would make an answer wrong."""
        if self._stale:
            raise Unavailable(
                "The search index is being rebuilt after an upgrade, and this cannot be told without it. Send the request again later.",
                retry_after=RETRY_SECONDS,
            )

    async def look(self) -> None:
        """Nothing; whether the index is whole is known, if the database tells it within `FIRST_LOOK_SECONDS`."""
        with suppress(RequestError, psycopg.Error, TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_SECONDS):
                await self._look()

    async def _look(self) -> None:
        if self._stale:
            async with self._database.connection() as connection:
                self._stale = await reindexing.is_needed(connection)
                if self._stale and not self._asked:  # once: one that failed or was cancelled is left so
                    await reindexing.ask_after_upgrade(connection, self._base_url)
                    self._asked = True
            _STALE.set(self._stale)

    async def run(self) -> None:
        """Never returns; a database that is away is asked again."""
        while True:
            try:
                await self._look()
                await self._work()
                self._hindered = False
            except (RequestError, psycopg.Error) as error:  # away, busy, or not migrated yet
                if not self._hindered:  # said once, and again when it happens anew
                    self._log.warning("background waits for the database", reason=type(error).__name__)
                self._hindered = True
            await asyncio.sleep(LOOK_SECONDS)

    async def _work(self) -> None:
        async with self._database.connection() as connection:
            job = await jobs.claim(connection, self._worker, kinds=[reindexing.KIND])
        if job is None:
            return
        try:
            await self._done(job)
        except LeaseLost:
            return
        except (RequestError, asyncio.CancelledError):
            await self._release(job)
            raise
        except Exception as error:  # noqa: BLE001 - kept in the job, for whoever asked for it
            self._log.error("job failed", exc_info=error)
            await self._fail(job, type(error).__name__)

    async def _done(self, job: Job) -> None:
        """Returns when the job has ended; between its steps others are served for as long as a step took."""
        while not job.ended_already:
            began = time.monotonic()
            job = await reindexing.step(self._database, job, self._worker, BATCH)
            await asyncio.sleep((time.monotonic() - began) * (1 / SHARE - 1))
        self._log.info("job ended")

    async def _fail(self, job: Job, error: str) -> None:
        async with self._database.connection() as connection:
            with suppress(LeaseLost):
                await jobs.end(connection, job, self._worker, error)

    async def _release(self, job: Job) -> None:
        async with self._database.connection() as connection:
            await jobs.release(connection, job, self._worker)
