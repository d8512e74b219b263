"""A backup of a running database: one consistent snapshot, whole or not at all, checked after writing.

https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from fhir_server import clock
from fhir_server.store.backup import contents, counts, manifest
from fhir_server.store.backup.counts import Connection
from fhir_server.store.backup.failures import BackupFailed
from fhir_server.store.backup.manifest import Manifest, dump_file
from fhir_server.store.backup.programs import Programs, environment, for_version, last_words
from fhir_server.store.backup.progress import Progress, silent
from fhir_server.store.blobs.port import Blobs

_POLL = 0.1


def backup(url: str, target: Path, progress: Progress = silent, *, blobs: Blobs | None = None) -> Manifest:
    """The manifest of the new backup in the folder `target`; BackupFailed, and nothing at `target`, when there is none.

    Writers go on meanwhile; what they commit after the start is not in the backup. The rows are counted in the snapshot
    that is dumped, and the dump is read back before it gets its name. The contents in `blobs` that it names are copied.
    """
    if target.exists():
        raise BackupFailed(f"{target} exists, and a backup overwrites nothing. Give another name.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise BackupFailed(
            f"{target.parent} cannot be written: {error.strerror}. Give another place."
        ) from error
    try:
        written = _written(url, draft, progress, blobs)
        draft.rename(target)
        _sync(target.parent)
    except psycopg.Error as error:
        raise BackupFailed(f"The database could not be read: {error}".strip()) from error
    except OSError as error:
        raise BackupFailed(
            f"{target} could not be written: {error.strerror}. Make room and try again."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return written


def _written(url: str, draft: Path, progress: Progress, blobs: Blobs | None) -> Manifest:
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        server = connection.info.server_version
        programs = for_version(server // 10_000)
        _dump(url, programs, _exported_snapshot(connection), draft, progress)
        progress("counting rows", 0, None)
        rows, revision = counts.rows(connection), _schema_revision(connection)
        outside = contents.named(connection)
    contents.copy_out(blobs, outside, draft, progress)
    progress("checking", 0, None)
    _check_readable(programs, draft)
    file = dump_file(draft)
    made = Manifest(
        created=clock.instant(clock.now()),
        server_version=server,
        program_version=programs.major,
        schema_revision=revision,
        rows=rows,
        size=file.stat().st_size,
        sha256=manifest.checksum(file),
        blobs=len(outside),
        blob_bytes=sum(each.size for each in outside),
    )
    manifest.write(draft, made)
    for path in (*draft.iterdir(), draft):
        _sync(path)
    return made


def _exported_snapshot(connection: Connection) -> str:
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None
    return str(row[0])


def _dump(url: str, programs: Programs, snapshot: str, draft: Path, progress: Progress) -> None:
    # Owners and privileges stay behind: the database may be restored under another role. Level 1 takes two
    # thirds of the default's CPU for a sixth more bytes.
    options = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges", "--no-password"]
    command = [programs.path("pg_dump"), *options, f"--snapshot={snapshot}", f"--file={dump_file(draft)}"]
    with tempfile.TemporaryFile("w+") as said:
        running = subprocess.Popen(command, env=environment(url), stdout=said, stderr=said)  # noqa: S603 - PostgreSQL's own
        try:
            while running.poll() is None:
                progress("dumping", _size(dump_file(draft)), None)
                time.sleep(_POLL)
        finally:
            running.kill()
            running.wait()
        if running.returncode != 0:
            said.seek(0)
            raise BackupFailed(f"pg_dump failed: {said.read().strip()[-2000:]}")


def _check_readable(programs: Programs, draft: Path) -> None:
    command = [programs.path("pg_restore"), "--list", str(dump_file(draft))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - PostgreSQL's own
    if done.returncode != 0:
        raise BackupFailed(f"The dump that was written cannot be read back: {last_words(done)}")


def _schema_revision(connection: Connection) -> str | None:
    present = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
    if present != (True,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
