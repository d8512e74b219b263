"""The blob store that the settings name: a folder, or a bucket of an S3-compatible store.

docs/settings.md
"""

import re
from pathlib import Path
from typing import Final

from fhir_server.errors import OperatorError
from fhir_server.settings import Settings
from fhir_server.store.blobs.folder import FolderBlobs
from fhir_server.store.blobs.port import Blobs
from fhir_server.store.blobs.s3 import S3Blobs, s3_store

_S3: Final = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,62})(?:/([A-Za-z0-9._/-]*))?")


def blobs(settings: Settings) -> Blobs | None:
    """The store; None where neither FHIR_BLOBS nor a data folder is set, and contents stay in the database.

    Raises OperatorError for an address that is none.
    """
    place = settings.blobs
    if place is None:
        return None if settings.data_dir is None else FolderBlobs(settings.data_dir / "blobs")
    if not place.startswith("s3:"):
        return FolderBlobs(Path(place).expanduser().absolute())
    found = _S3.fullmatch(place)
    if found is None:
        raise OperatorError(f"FHIR_BLOBS is {place!r}. Set a folder, or s3://bucket/prefix.")
    return S3Blobs(
        s3_store(
            found[1],
            (found[2] or "").strip("/"),
            endpoint=settings.blobs_endpoint,
            region=settings.blobs_region,
            credentials=_credentials(settings),
        )
    )


def _credentials(settings: Settings) -> tuple[str, str] | None:
    key, secret = settings.blobs_key_id, settings.blobs_secret
    if (key is None) != (secret is None):
        raise OperatorError("FHIR_BLOBS_KEY_ID and FHIR_BLOBS_SECRET go together. Set both or none.")
    return None if key is None or secret is None else (key, secret.get_secret_value())
