"""What a backup says about itself: from which database, with how many rows, and its checksum.

https://www.postgresql.org/docs/18/app-pgdump.html

A backup is a folder with `database.dump` (pg_dump's custom format), `manifest.json` and, where there are some, `blobs`.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from fhir_server.store.backup.failures import RestoreFailed

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """`rows` counts each table, as `schema.table` in SQL, in the snapshot that was dumped; `created` is an instant in UTC.

    `blobs` and `blob_bytes` tell of the contents outside the database, each of which is checked by its own hash.
    """

    created: str
    server_version: int
    program_version: int
    schema_revision: str | None
    rows: dict[str, int]
    size: int
    sha256: str
    format: int = FORMAT
    blobs: int = 0
    blob_bytes: int = 0


def dump_file(folder: Path) -> Path:
    """The dump inside a backup."""
    return folder / "database.dump"


def write(folder: Path, manifest: Manifest) -> None:
    """Nothing; the backup in `folder` has its manifest."""
    text = json.dumps(asdict(manifest), indent=2, sort_keys=True)
    _manifest_file(folder).write_text(text + "\n", encoding="utf-8")


def verified(folder: Path) -> Manifest:
    """The manifest of the backup in `folder`, whose dump is what was written; RestoreFailed when it is not."""
    try:
        manifest = Manifest(**json.loads(_manifest_file(folder).read_text(encoding="utf-8")))
        found = checksum(dump_file(folder))
    except OSError as error:
        raise RestoreFailed(
            f"{folder} is not a backup: {error.filename}: {error.strerror}. Give the folder that `fhir-server backup` wrote."
        ) from error
    except (ValueError, TypeError) as error:
        raise RestoreFailed(
            f"{_manifest_file(folder)} cannot be read: {error}. Use another backup."
        ) from error
    if manifest.format != FORMAT:
        raise RestoreFailed(
            f"{folder} has format {manifest.format}, and this version reads {FORMAT}. Use the version that wrote it."
        )
    if found != manifest.sha256:
        raise RestoreFailed(
            f"{dump_file(folder)} was changed or damaged since it was written (sha256 {found}, "
            f"and the manifest says {manifest.sha256}). Use another backup."
        )
    return manifest


def checksum(file: Path) -> str:
    """The SHA-256 of `file`, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _manifest_file(folder: Path) -> Path:
    return folder / "manifest.json"
