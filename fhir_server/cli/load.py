"""`fhir-server load`: Bundles, NDJSON and folders of them into the database.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import data_dir as folder_of
from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, say, warn
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir

if TYPE_CHECKING:
    from fhir_server.bulk.load import Summary, Watcher
    from fhir_server.errors import RequestError

_SHOWN = 20


def load(
    files: Annotated[
        list[Path], typer.Argument(help="Bundles, resources, NDJSON, .gz of these, or folders.")
    ],
    *,
    rejects: Annotated[Path, typer.Option(help="Where refused resources go, with the reason.")] = Path(
        "load-rejects.ndjson"
    ),
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Load resources under the ids they bring. Run it again after an interruption: it goes on where it was.

    Each is validated; exits with 1 when one was refused.

    Example: fhir-server load synthea/ more.ndjson
    """
    from fhir_server.bulk import source

    found = source.files(files)

    async def loaded(place: Workplace) -> "Summary":
        from fhir_server.bulk import load as bulk
        from fhir_server.bulk.resume import state_file
        from fhir_server.outbound import Outbound
        from fhir_server.subscriptions.registrar import Registrar

        outbound, most_each = Outbound(place.settings.outbound_allow), place.settings.max_subscriptions_each
        registrar = Registrar(place.key, outbound, place.settings.fhir_url, most_each)
        state = await state_file(place.database, folder_of(place.settings), found)
        with _watched(found, silent=json) as watcher:
            return await bulk.load(
                place.database, found, registrar=registrar, state=state, rejects=rejects, watcher=watcher
            )

    summary = with_database(settings(data_dir=data_dir), loaded)
    _show(summary, len(found), rejects, json)
    if summary.counts["rejected"]:
        raise typer.Exit(1)


@contextmanager
def _watched(files: Sequence[Path], *, silent: bool) -> "Iterator[Watcher]":
    """A watcher that draws a bar and names the first refusals, both on stderr."""
    from rich.console import Console
    from rich.progress import Progress

    from fhir_server.bulk.load import Watcher

    console = Console(stderr=True)
    refusals = 0
    with Progress(console=console, disable=silent or not console.is_terminal) as bar:
        task = bar.add_task("loading", total=sum(file.stat().st_size for file in files))
        before = dict.fromkeys(files, 0)

        def advanced(file: Path, done: int) -> None:
            bar.update(task, advance=max(0, done - before[file]), description=file.name)
            before[file] = max(done, before[file])

        def refused(place: str, error: "RequestError") -> None:
            nonlocal refusals
            refusals += 1
            if refusals <= _SHOWN:
                issue = error.issues[0]
                named = f"{issue.expression}: " if issue.expression else ""
                warn(f"{place}: {named}{issue.diagnostics}")

        yield Watcher(advanced, refused)
    if refusals > _SHOWN:
        warn(f"… and {refusals - _SHOWN} more")


def _show(summary: "Summary", files: int, rejects: Path, json: bool) -> None:
    counts = {name: summary.counts[name] for name in ("created", "updated", "unchanged", "rejected")}
    kept = str(rejects) if counts["rejected"] else None
    if json:
        print_json({"files": files, **counts, "resumed": summary.resumed, "rejects": kept})
        return
    line = ", ".join(f"{count} {name}" for name, count in counts.items())
    earlier = f", {summary.resumed} by an earlier run" if summary.resumed else ""
    say(f"{files} files: {line}{earlier}." + (f" What was refused is in {kept}." if kept else ""))
