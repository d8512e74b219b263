"""How far a load has come in each file, so that a run that was cut short goes on there.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA

What stands here is committed in the database already, and at most one batch of what is committed is missing here: it is
found unchanged when it comes again. A load that ended leaves nothing behind.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from fhir_server.store.database import Database

_DATABASE = "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()"


async def state_file(database: Database, folder: Path, files: Sequence[Path]) -> Path:
    """Where the progress of loading these files, as they are now, into this database is kept."""
    async with database.connection() as connection:
        row = await (await connection.execute(_DATABASE)).fetchone()
    digest = hashlib.sha256(repr(row).encode())
    for file in files:
        status = file.stat()
        digest.update(f"\n{file.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
    return folder / f"load-{digest.hexdigest()[:16]}.json"


def read(path: Path) -> dict[str, int]:
    """For each file how many of its resources are done; empty when no load was cut short."""
    try:
        found = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return {str(name): int(count) for name, count in found.items()} if isinstance(found, dict) else {}


def write(path: Path, done: Mapping[str, int]) -> None:
    """Nothing; the progress is on record, whole or not at all."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(orjson.dumps(dict(done)))
    draft.replace(path)


def forget(path: Path) -> None:
    """Nothing; the load has ended."""
    path.unlink(missing_ok=True)
