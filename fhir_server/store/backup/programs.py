"""PostgreSQL's own programs, of a version that fits the server, and how they learn its address.

https://www.postgresql.org/docs/18/libpq-envars.html
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.pq import Conninfo

from fhir_server.errors import OperatorError
from fhir_server.store.embedded.failures import EmbeddedError
from fhir_server.store.embedded.installation import major_of, of_the_wheel

_DEBIAN = Path("/usr/lib/postgresql")
_NEEDED = ("pg_dump", "pg_restore", "psql")


@dataclass(frozen=True, slots=True)
class Programs:
    """pg_dump, pg_restore and psql of one major version."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """The path of one of them."""
        return str(self.folder / name)


def for_version(major: int) -> Programs:
    """The oldest programs here that are not older than `major`; OperatorError when all are.

    pg_dump refuses a newer server, and what a much newer one writes an older server may not understand.
    """
    found = [Programs(folder, major_of(str(folder / "pg_dump"))) for folder in _folders()]
    fitting = [programs for programs in found if programs.major >= major]
    if not fitting:
        versions = ", ".join(sorted({str(programs.major) for programs in found})) or "none"
        raise OperatorError(
            f"PostgreSQL {major} needs pg_dump, pg_restore and psql of version {major} or later, and here is {versions}. "
            f"Install them (on Debian: postgresql-client-{major})."
        )
    return min(fitting, key=lambda programs: programs.major)


def environment(url: str) -> dict[str, str]:
    """This process's environment, with the parts of `url` as libpq's variables: a command line can be seen by all."""
    parts = {
        option.envvar: option.val for option in Conninfo.parse(url.encode()) if option.envvar and option.val
    }
    return {**os.environ, "LC_ALL": "C", **{name.decode(): value.decode() for name, value in parts.items()}}


def last_words(done: "subprocess.CompletedProcess[str]") -> str:
    """What a failed program said last."""
    return (done.stderr or done.stdout).strip()[-2000:]


def _folders() -> Iterator[Path]:
    with suppress(EmbeddedError):
        yield Path(of_the_wheel().program("pg_dump")).parent
    # Debian's /usr/bin/pg_dump is a wrapper that chooses a version by rules of its own: its targets come first.
    installed = sorted(_DEBIAN.glob("*/bin"))
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for folder in [*installed, *on_path]:
        if all(os.access(folder / name, os.X_OK) for name in _NEEDED):
            yield folder
