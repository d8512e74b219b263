"""The schema of the database, brought forward by migrations.

https://alembic.sqlalchemy.org/en/latest/api/commands.html
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from fhir_server.errors import OperatorError

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x666869725F6D6967  # "fhir_mig": two processes that migrate at once wait for each other


def upgrade(url: str) -> None:
    """Brings the database forward to this version's schema; does nothing when it is there.

    Raises OperatorError when a newer version of the software has migrated it already.
    """
    with _engine(url).connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
        connection.commit()
        config = _config()
        found = MigrationContext.configure(connection).get_current_revision()
        connection.commit()
        if found is not None and found not in _known(config):
            raise OperatorError(
                f"The database has schema {found}, which this version does not know. Run the newer fhir-server again."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revision(url: str) -> str | None:
    """The schema revision of the database; None when it is empty."""
    with _engine(url).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The schema revision that this version of the software needs."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None, "there is at least one migration"
    return found


def _known(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


def _engine(url: str) -> Engine:
    return create_engine(sqlalchemy_url(url), poolclass=NullPool)


def sqlalchemy_url(url: str) -> str:
    """`url` with the driver that SQLAlchemy is to use."""
    _, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}"
