"""`fhir-server ingest`: readings from files that a device wrote.

docs/ingest.md, "Files"
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say, warn
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from ingest.files.bringing import Bringing
    from ingest.files.format import Origin, Saying
    from ingest.files.intake import Intake, Watcher
    from ingest.files.summary import FileSummary
    from ingest.issue import Issue

_PATIENCE: Final = 60
"""Seconds to wait for another who reads the same file, or died reading it."""


def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(help="Files, ZIP archives, or folders: a ResMed card, recordings, readings in JSON."),
    ],
    *,
    device: Annotated[str, typer.Option(help="The registered device that measured.")],
    patient: Annotated[
        str | None, typer.Option(help="Whom it measured, where nobody was assigned to it then.")
    ] = None,
    zone: Annotated[
        str, typer.Option(help="The device's time zone, where a file states none: Europe/Berlin, +01:00.")
    ] = "Z",
    correct_zone: Annotated[
        bool, typer.Option("--correct-zone", help="The files were read in another zone before, and wrongly.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Read files that were taken in before, in the place of what came of them then; the same stays as it is.",
        ),
    ] = False,
    start: Annotated[
        str | None,
        typer.Option(help="When the recording began, for a file that does not say: 2026-01-31T22:00:00."),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="The declaration that says what the columns of a table are.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Take readings in from files. A file that was taken in before is not read again, unless --again says so.

    What is broken stores nothing of the unit (night, recording, line) it breaks in; exits with 1 when anything was
    rejected or could not be read.

    Example: fhir-server ingest card/ --device cpap-1 --patient p1 --zone Europe/Berlin
    """
    from ingest.errors import IngestError

    said, configured = (
        _said(
            zone=zone,
            patient=patient,
            mapping=mapping,
            start=start,
            again="true" if again else "false",
            **{"correct-zone": "true" if correct_zone else "false"},
        ),
        settings(data_dir=data_dir),
    )
    with tempfile.TemporaryDirectory(prefix="fhir-ingest-") as folder:
        try:
            brought = _brought(files, Path(folder), configured.max_file_bytes)
            with _watched(brought, silent=json) as (watcher, ended):

                async def taken(place: Workplace) -> "list[FileSummary]":
                    return await _taken(place, brought, device, said, watcher, ended)

                summaries = with_database(configured, taken)
        except IngestError as error:
            raise OperatorError(str(error)) from error
    _show(summaries, json=json)
    _refuse_unread(summaries, folders=any(each.is_dir() for each in files))
    if any(summary.counts.get("rejected") for summary in summaries):
        raise typer.Exit(1)


def _brought(given: Sequence[Path], folder: Path, limit: int) -> "Bringing":
    from ingest.files.archive import unpacked
    from ingest.files.bringing import incoming, paths, told_apart

    found = [incoming(name, path, limit) for each in given for name, path in paths(each)]
    return told_apart(unpacked(found, folder, limit))


async def _taken(
    place: Workplace,
    brought: "Bringing",
    device: str,
    said: "Saying",
    watcher: "Watcher",
    ended: "Callable[[FileSummary], None]",
) -> "list[FileSummary]":
    from fhir_server import clock
    from fhir_server.interactions.ingest_gateway import intake

    taking = intake(place.database, place.key, place.profiles)
    origin = await taking.origin(device, clock.now(), said)
    summaries = []
    for each in brought.each():
        summary = await _patiently(taking, each, origin, watcher)
        ended(summary)
        summaries.append(summary)
    return summaries


async def _patiently(
    taking: "Intake", one: "Bringing", origin: "Origin", watcher: "Watcher"
) -> "FileSummary":
    """What became of one file, once nobody else reads it; raises FileBusy when that takes too long."""
    from ingest.errors import FileBusy

    for attempt in range(_PATIENCE + 1):
        try:
            (summary,) = await taking.take_all(one, origin, vouched=True, watcher=watcher)
        except FileBusy:
            if attempt == _PATIENCE:
                raise
            await asyncio.sleep(1)
        else:
            return summary
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def _watched(
    brought: "Bringing", *, silent: bool
) -> "Iterator[tuple[Watcher, Callable[[FileSummary], None]]]":
    """What draws a bar on stderr, if that is a terminal: bytes that were taken in, and units of the file being read."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    sizes = {file.name: file.size for file, _ in brought.readable}
    with Progress(console=console, disable=silent or not console.is_terminal) as bar:
        task, before = bar.add_task("reading", total=sum(sizes.values())), 0

        def told(name: str, units: int, done: int) -> None:
            bar.update(task, description=f"{name}: {units}", completed=before + done)

        def ended(summary: "FileSummary") -> None:
            nonlocal before
            before += sizes.get(summary.name, 0)
            bar.update(task, completed=before)

        yield told, ended


def _said(**written: str | None) -> "Saying":
    from ingest.errors import InvalidParameter
    from ingest.files.saying import saying

    try:
        return saying({name: text for name, text in written.items() if text is not None})
    except InvalidParameter as error:
        raise OperatorError(f"--{error}") from error


def _show(summaries: "Sequence[FileSummary]", *, json: bool) -> None:
    if json:
        print_json([summary.tree() for summary in summaries])
        return
    for summary in summaries:
        _say_summary(summary)
    made: dict[tuple[str, str, str], int] = {}
    for summary in summaries:
        for kind, count in summary.made.items():
            made[kind] = made.get(kind, 0) + (0 if summary.seen else count)
    rows = [
        {"resource": type, "code": code, "what": display, "made": count}
        for (type, code, display), count in sorted(made.items())
        if count
    ]
    print_table(("resource", "code", "what", "made"), rows, empty="Nothing new was made.")


def _say_summary(summary: "FileSummary") -> None:
    for each in summary.said:
        warn(f"{summary.name}: {each.where} {each.status}: {_named(each.issue)}")
    if summary.unsaid:
        warn(f"{summary.name}: … and {summary.unsaid} more such")
    for note in summary.notes:
        say(f"{summary.name}: {note}")
    if summary.format is None:
        return
    counts = ", ".join(f"{count} {status}" for status, count in summary.counts.items() if count)
    say(f"{summary.name}: {'taken in before: ' if summary.seen else ''}{counts or 'nothing in it'}")


def _named(issue: "Issue") -> str:
    """What it says, after the element that it is about."""
    element, text = issue.element, issue.diagnostics
    return text if element is None or text.startswith(element) else f"{element}: {text}"


def _refuse_unread(summaries: "Sequence[FileSummary]", *, folders: bool) -> None:
    """Nothing; OperatorError when a file broke, or has no format that is taken, unless it only lay in a folder."""
    broken = [each for each in summaries if each.error and (each.format is not None or not folders)]
    skipped = [each.name for each in summaries if each.format is None and folders]
    if skipped and len(skipped) < len(summaries):
        warn(f"Not read, being of no format that is taken: {', '.join(skipped[:20])}")
    elif skipped:
        raise OperatorError(f"No file is of a format that is taken. {summaries[0].error}")
    if broken:
        raise OperatorError("\n".join(f"{each.name}: {each.error}" for each in broken))
