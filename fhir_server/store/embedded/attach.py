"""The database of a running owner; or, for a command-line tool when there is none, an owner for its duration.

https://www.postgresql.org/docs/18/libpq-connect.html
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fhir_server.store.embedded import directory, lock, postmaster, socket_folder
from fhir_server.store.embedded.account import database_account
from fhir_server.store.embedded.address import url_of
from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.failures import AlreadyRunning, EmbeddedError, NotRunning
from fhir_server.store.embedded.owner import Embedded

_POLL = 0.05


def attach(data_dir: Path, *, patience: float = 60.0) -> str:
    """The address of the database that another process runs; NotRunning when none does.

    An owner that is still starting is waited for up to `patience` seconds.
    """
    place = directory.existing(data_dir)
    limit = time.monotonic() + patience
    while lock.is_held(place):
        owner = lock.read_owner(place)
        if owner and postmaster.is_ready(place.cluster, folder := Path(owner.socket_folder)):
            socket_folder.check(folder, database_account())
            return url_of(place, folder)
        if time.monotonic() > limit:
            raise EmbeddedError(
                f"The owner of {place.path} has not made the database ready in {patience:.0f} seconds. "
                f"See {place.cluster / 'log'}, and try again."
            )
        time.sleep(_POLL)
    raise NotRunning(
        f"No server runs on the data directory {place.path}. Start one with `fhir-server serve`."
    )


@contextmanager
def connect_or_start(data_dir: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of the database: the running owner's, else this process owns it until the block ends.

    A temporary owner stops only when the other tools that attached to it in the meantime are done.
    """
    place = directory.made(data_dir)
    use = lock.shared(place.attached)
    owned: Embedded | None = None
    try:
        url, owned = _attached_or_owned(data_dir, settings)
        yield url
    finally:
        os.close(use)
        if owned is not None:
            _stop_when_alone(owned, place)


def _attached_or_owned(data_dir: Path, settings: Mapping[str, str] | None) -> tuple[str, Embedded | None]:
    while True:
        try:
            return attach(data_dir), None
        except NotRunning:
            owned = Embedded(data_dir, settings=settings, role="command", owner_patience=0.0)
        try:
            return owned.start(), owned
        except AlreadyRunning:
            # Somebody was faster: attach to that one.
            continue


def _stop_when_alone(owned: Embedded, place: DataDirectory) -> None:
    last = lock.alone(place.attached)
    try:
        owned.stop()
    finally:
        os.close(last)
