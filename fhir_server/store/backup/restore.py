"""A backup brought into a database: in one transaction, verified before it is committed.

https://www.postgresql.org/docs/18/app-pgrestore.html

pg_restore writes SQL and psql runs it, so that emptying, loading, counting and re-stamping commit together or not at all.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from fhir_server.store.backup import contents, counts, manifest
from fhir_server.store.backup.counts import Connection
from fhir_server.store.backup.failures import RestoreFailed
from fhir_server.store.backup.manifest import Manifest, dump_file
from fhir_server.store.backup.programs import Programs, environment, for_version
from fhir_server.store.backup.progress import Progress, silent
from fhir_server.store.backup.restamping import RESTAMPED
from fhir_server.store.blobs.port import Blobs

_CHUNK = 1 << 20

_SCHEMAS = (
    "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"
)

_CHECK = """
DECLARE place text; expected bigint; found bigint;
BEGIN
    FOR place, expected IN SELECT key, value::bigint FROM jsonb_each_text({expected}) LOOP
        IF to_regclass(place) IS NULL THEN
            RAISE EXCEPTION '% is in the manifest and not in the dump', place;
        END IF;
        EXECUTE 'SELECT count(*) FROM ' || to_regclass(place) INTO found;
        IF found <> expected THEN
            RAISE EXCEPTION '% holds % rows after the restore, and the manifest says %', place, found, expected;
        END IF;
    END LOOP;
END
"""


def restore(
    url: str,
    source: Path,
    *,
    replace: bool = False,
    progress: Progress = silent,
    blobs: Blobs | None = None,
) -> Manifest:
    """The manifest of what is in the database now; RestoreFailed, and the database as it was, when it cannot be.

    A database that holds tables is refused unless `replace`, and one that others are connected to always: a running
    server would go on with what it remembers of the old content.
    """
    progress("checking", 0, None)
    described = manifest.verified(source)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            _check_target(connection, replace=replace)
            programs = for_version(max(described.program_version, connection.info.server_version // 10_000))
            contents.copy_back(blobs, source, described, progress)  # before the rows that name them
            _load(url, programs, source, _script(connection, described), progress)
            progress("analyzing", 0, None)
            connection.execute("ANALYZE")
    except psycopg.Error as error:
        raise RestoreFailed(f"The database could not be used: {error}".strip()) from error
    return described


def _check_target(connection: Connection, *, replace: bool) -> None:
    held = counts.tables(connection)
    if held and not replace:
        raise RestoreFailed(
            f"The database holds {len(held)} tables already. Restore into an empty one, for example a new --data-dir, "
            "or give --replace to delete what it holds."
        )
    others = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    ).fetchone()
    if others and others[0]:
        raise RestoreFailed(
            f"{others[0]} other connections use the database, for example a running server's. Stop them first."
        )


@dataclass(frozen=True, slots=True)
class _Script:
    """What psql is told before and after the dump's own SQL, and which of its settings the server knows."""

    before: str
    after: str
    known_settings: frozenset[str]


def _script(connection: Connection, described: Manifest) -> _Script:
    expected = sql.Literal(json.dumps(described.rows)).as_string(connection)
    check = sql.Literal(_CHECK.replace("{expected}", expected)).as_string(connection)
    return _Script(
        before=f"SET client_min_messages = warning;\nBEGIN;\n{_emptied(connection)}",
        after=f"DO {check};\n{RESTAMPED}COMMIT;\n",
        known_settings=frozenset(str(name) for (name,) in connection.execute("SELECT name FROM pg_settings")),
    )


def _emptied(connection: Connection) -> str:
    if not counts.tables(connection):
        return ""
    drop = sql.SQL("DROP SCHEMA {} CASCADE;\n")
    drops = sql.SQL("").join(
        drop.format(sql.Identifier(str(name))) for (name,) in connection.execute(_SCHEMAS)
    )
    # With what every new database has.
    return f"{drops.as_string(connection)}CREATE SCHEMA public;\nGRANT USAGE ON SCHEMA public TO PUBLIC;\n"


def _load(url: str, programs: Programs, source: Path, script: _Script, progress: Progress) -> None:
    options = ["--file=-", "--no-owner", "--no-privileges"]
    reading = [programs.path("pg_restore"), *options, str(dump_file(source))]
    # Terse: an error's context would quote the row.
    quiet = ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse"]
    writing = [programs.path("psql"), *quiet, "--file=-"]
    with (
        tempfile.TemporaryFile("w+") as said,
        _running(reading, subprocess.DEVNULL, subprocess.PIPE, said, environment(url)) as reader,
        _running(writing, subprocess.PIPE, subprocess.DEVNULL, said, environment(url)) as writer,
    ):
        assert reader.stdout is not None
        assert writer.stdin is not None
        try:
            writer.stdin.write(script.before.encode())
            _pass_on(reader.stdout, writer.stdin, script.known_settings, progress)
            if reader.wait() == 0:
                # Without these last words there is no COMMIT, and psql's end is a rollback.
                writer.stdin.write(script.after.encode())
            writer.stdin.close()
        except BrokenPipeError:
            reader.kill()
        if writer.wait() != 0 or reader.wait() != 0:
            said.seek(0)
            raise RestoreFailed(f"The restore was rolled back: {said.read().strip()[-2000:]}")


def _pass_on(dump: IO[bytes], psql: IO[bytes], known_settings: frozenset[str], progress: Progress) -> None:
    done = 0
    for line in dump:
        # The first object ends the head, in which a newer pg_restore may set what an older server does not know.
        if line.startswith(b"-- Name:"):
            psql.write(line)
            break
        words = line.split()
        if words[:1] != [b"SET"] or words[1].decode() in known_settings:
            psql.write(line)
    while chunk := dump.read(_CHUNK):
        psql.write(chunk)
        done += len(chunk)
        progress("restoring", done, None)


@contextmanager
def _running(
    command: list[str], source: int, sink: int, said: IO[str], environment: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdin=source, stdout=sink, stderr=said, env=environment)  # noqa: S603 - PostgreSQL's own
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                # What is still in the buffer was for a process that has failed and said why.
                with suppress(BrokenPipeError):
                    pipe.close()
