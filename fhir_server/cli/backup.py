"""`fhir-server backup` and `restore`: the whole database into a folder and back, online and checked.

https://www.postgresql.org/docs/current/backup-dump.html
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, say
from fhir_server.cli.database import any_database
from fhir_server.cli.options import AsJson, DataDir

if TYPE_CHECKING:
    from fhir_server.store.backup import Manifest

Report: TypeAlias = Callable[[str, int, int | None], None]


def backup(
    target: Annotated[Path, typer.Argument(help="The folder to make; it must not exist.")],
    *,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Back the database up while it is used. The master key is not in it: keep that elsewhere.

    Example: fhir-server backup /backups/fhir-2026-01-31
    """
    configured = settings(data_dir=data_dir)
    with any_database(configured) as url, _reported(json) as report:
        from fhir_server.store import backup as store
        from fhir_server.store.blobs.catalog import blobs

        manifest = store.backup(url, target, report, blobs=blobs(configured))
    _show(manifest, target, "backup", json)


def restore(
    source: Annotated[Path, typer.Argument(help="The folder that `backup` made.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Delete what the database holds.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Bring a backup into an empty database, and check it there. No server may run on it.

    Example: fhir-server restore /backups/fhir-2026-01-31 --data-dir /var/lib/fhir-restored
    """
    configured = settings(data_dir=data_dir)
    with any_database(configured) as url, _reported(json) as report:
        from fhir_server.store import backup as store
        from fhir_server.store.blobs.catalog import blobs

        manifest = store.restore(url, source, replace=replace, progress=report, blobs=blobs(configured))
    _show(manifest, source, "restored", json)
    if not json:
        say(
            "Nothing is sent to the endpoints of subscriptions. Where this server takes the place of the one that was backed up: "
            "fhir-server subscription resume"
        )


@contextmanager
def _reported(json: bool) -> Iterator[Report]:
    """A report of progress: a bar on stderr for people, nothing for scripts."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=json) as bar:
        task = bar.add_task("", total=None)

        def report(step: str, done: int, total: int | None) -> None:
            bar.update(task, description=step, completed=done, total=total)

        yield report


def _show(manifest: "Manifest", folder: Path, done: str, json: bool) -> None:
    if json:
        print_json({done: str(folder), **asdict(manifest)})
    else:
        rows = sum(manifest.rows.values())
        said = (
            f"{done} {folder}: {rows} rows in {len(manifest.rows)} tables, schema {manifest.schema_revision}"
        )
        say(f"{said}, {manifest.blobs} contents outside the database" if manifest.blobs else said)
