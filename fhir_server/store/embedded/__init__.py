"""The PostgreSQL this server brings along: one owner process runs it in a directory of its own, others attach.

https://www.postgresql.org/docs/18/server-start.html

    directory      the data directory: where, whose, made how
    lock           one owner at a time, by flock, and what it says about itself
    installation   the binaries, from the wheel or a private copy
    account        the system user PostgreSQL runs as when the server runs as root
    socket_folder  the private folder of the Unix socket
    cluster        initdb and what is said to PostgreSQL at every start
    launcher       how its programs are started
    launch         becomes that user, dies with its parent, then turns into PostgreSQL
    postmaster     one running PostgreSQL: ready, stopped, or left over from a crash
    supervisor     the thread that starts it and starts it again
    owner          Embedded: start, stop
    address        the URL, without a secret
    attach         the address of the running one, or becoming its owner for a moment
"""

from fhir_server.store.embedded.attach import attach, connect_or_start
from fhir_server.store.embedded.directory import default_data_dir
from fhir_server.store.embedded.failures import (
    AlreadyRunning,
    EmbeddedError,
    NotRunning,
    OtherMajorVersion,
    StartFailed,
    UnsafeFolder,
)
from fhir_server.store.embedded.owner import Embedded

__all__ = [
    "AlreadyRunning",
    "Embedded",
    "EmbeddedError",
    "NotRunning",
    "OtherMajorVersion",
    "StartFailed",
    "UnsafeFolder",
    "attach",
    "connect_or_start",
    "default_data_dir",
]
