"""The schema of the database, brought forward by migrations.

https://alembic.sqlalchemy.org/en/latest/api/commands.html

Alembic and SQLAlchemy take half a second to import, so they are left alone where the schema is today's already.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg

from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0009"
"""The schema revision that this version of the software needs."""

_SCRIPTS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x666869725F6D6967  # "fhir_mig": two processes that migrate at once wait for each other


def upgrade(url: str) -> None:
    """Brings the database forward to this version's schema; does nothing when it is there.

    Raises OperatorError when a newer version of the software has migrated it already.
    """
    if revision(url) != HEAD:
        _run_migrations(url)


def revision(url: str) -> str | None:
    """The schema revision of the database; None when it is empty. Raises OperatorError when it is away."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
    except psycopg.OperationalError as error:
        why = " ".join(str(error).split())
        raise OperatorError(
            f"The database does not answer: {why} Start it, correct DATABASE_URL, or try again."
        ) from error


def released() -> Iterator[str]:
    """Every schema revision there has been, from the newest to the first."""
    from alembic.script import ScriptDirectory

    return (script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def sqlalchemy_url(url: str) -> str:
    """`url` with the driver that SQLAlchemy is to use."""
    _, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}"


def _run_migrations(url: str) -> None:
    from alembic import command
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    with create_engine(sqlalchemy_url(url), poolclass=NullPool).connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
        connection.commit()
        found = revision(url)
        if found is not None and found not in set(released()):
            raise OperatorError(
                f"The database has schema {found}, which this version does not know. Run the newer fhir-server again."
            )
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
