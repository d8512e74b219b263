"""The schema that migrations make is the schema the code speaks of."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from fhir_server.store import migrate
from fhir_server.store.schema import metadata
from fhir_server.store.tables import Xid8


def test_migrations_make_exactly_the_tables_of_the_code(database_url):
    engine = create_engine(migrate.sqlalchemy_url(database_url), poolclass=NullPool)
    engine.dialect.ischema_names["xid8"] = Xid8
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    assert differences == []


def test_a_migrated_database_is_at_the_head_and_migrating_again_changes_nothing(database_url):
    migrate.upgrade(database_url)
    assert migrate.revision(database_url) == migrate.head()
