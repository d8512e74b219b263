"""The schema that migrations make is the schema the code speaks of."""

from fhir_server.store import migrate
from tests.integration.store.schema import differences_from_the_code


def test_migrations_make_exactly_the_tables_of_the_code(database_url):
    assert differences_from_the_code(database_url) == []


def test_a_migrated_database_is_at_the_head_and_migrating_again_changes_nothing(database_url):
    migrate.upgrade(database_url)
    assert migrate.revision(database_url) == migrate.HEAD
