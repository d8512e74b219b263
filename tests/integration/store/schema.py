"""What the tables of a database and those of the code do not have in common."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from fhir_server.store import migrate
from fhir_server.store.schema import metadata
from fhir_server.store.subscriptions.tables import Snapshot
from fhir_server.store.tables import Xid8


def differences_from_the_code(url):
    """What Alembic would write into a new migration."""
    engine = create_engine(migrate.sqlalchemy_url(url), poolclass=NullPool)
    engine.dialect.ischema_names["xid8"] = Xid8
    engine.dialect.ischema_names["pg_snapshot"] = Snapshot
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": _is_no_partition}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def _is_no_partition(name, kind, _):
    """The partitions of the audit come and go with the months."""
    return kind != "table" or not name.startswith("audit_2")
