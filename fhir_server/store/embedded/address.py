"""The address of the embedded database: a libpq connection URI that carries no secret.

https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-URIS

The password stays in the password file, so the address may stand in a log or on a command line.
"""

from pathlib import Path
from urllib.parse import quote

from fhir_server.store.embedded.cluster import DATABASE, ROLE
from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.socket_folder import PORT


def url_of(directory: DataDirectory, socket_folder: Path) -> str:
    """The address of the database whose socket is in `socket_folder`."""
    host, passfile = quote(str(socket_folder), safe=""), quote(str(directory.passfile), safe="")
    return f"postgresql://{ROLE}@/{DATABASE}?host={host}&port={PORT}&passfile={passfile}"
