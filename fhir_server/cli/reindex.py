"""`fhir-server reindex`: what searches go by, made anew from what is stored.

docs/operations.md, "Work in the background"
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, say, warn
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir

if TYPE_CHECKING:
    from fhir_server.store.jobs import Job

    Watcher = Callable[[Job], None]

_BATCH: Final = 500
_ASK_AGAIN_SECONDS: Final = 0.5
_SHOWN: Final = 20


def reindex(
    *,
    type: Annotated[list[str] | None, typer.Option("--type", help="A resource type; all without it.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Rebuild the search index beside a running server, or without one. Run it again after an interruption: it goes on.

    A reindex that is under way is joined. Exits with 1 when a resource cannot be indexed.

    Example: fhir-server reindex --type Observation
    """
    types = _known(type or [])

    async def done(place: Workplace) -> "Job":
        with _watched(silent=json) as watcher:
            return await _done(place, types, watcher)

    job = with_database(settings(data_dir=data_dir), done)
    _show(job, json)
    if job.state != "finished" or job.failures:
        raise typer.Exit(1)


def _known(types: list[str]) -> list[str]:
    from fhir_server.definitions.types import RESOURCE_TYPES
    from fhir_server.errors import OperatorError

    for type in types:
        if type not in RESOURCE_TYPES:
            raise OperatorError(f"--type {type!r} is no resource type of R4. Types are case-sensitive.")
    return sorted(set(types))


async def _done(place: Workplace, types: list[str], watcher: "Watcher") -> "Job":
    """The job once it has ended, whoever worked on it."""
    from fhir_server.ids import uuid7
    from fhir_server.operations import reindexing
    from fhir_server.store import jobs

    worker, base_url = uuid7(), place.settings.fhir_url
    async with place.database.connection() as connection:
        job = await reindexing.ask(connection, "the command line", types, base_url)
    while not job.ended_already:
        async with place.database.connection() as connection:
            claimed = await jobs.claim(connection, worker, id=job.id)
        try:
            if claimed is not None:
                await _work(place, claimed, worker, watcher)
            else:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
        except jobs.LeaseLost:
            pass  # cancelled, or taken over: the next look tells
        async with place.database.connection() as connection:
            job = await jobs.read(connection, job.id) or job
        watcher(job)
    return job


async def _work(place: Workplace, job: "Job", worker: str, watcher: "Watcher") -> None:
    from fhir_server.operations import reindexing
    from fhir_server.store import jobs

    try:
        while not job.ended_already:
            job = await reindexing.step(place.database, job, worker, _BATCH)
            watcher(job)
    finally:
        async with place.database.connection() as connection:
            await jobs.release(connection, job, worker)


@contextmanager
def _watched(*, silent: bool) -> "Iterator[Watcher]":
    """A watcher that draws a bar on stderr."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:-1], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=silent or not console.is_terminal) as bar:
        task = bar.add_task("reindexing", total=None)
        yield lambda job: bar.update(task, completed=job.done, total=job.total or None)


def _show(job: "Job", json: bool) -> None:
    failures = [{"resource": failure.reference, "reason": failure.reason} for failure in job.failures]
    if json:
        print_json(
            {"job": job.id, "state": job.state, "done": job.done, "total": job.total, "failures": failures}
        )
        return
    for failure in failures[:_SHOWN]:
        warn(f"{failure['resource']}: {failure['reason']}")
    if len(failures) > _SHOWN:
        warn(f"… and {len(failures) - _SHOWN} more")
    if job.error:
        warn(job.error)
    say(
        f"The reindex has {job.state}: {job.done} of {job.total} resources, {len(failures)} of which cannot be indexed."
    )
