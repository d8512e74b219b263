"""A database of any released schema can be brought to today's."""

import re
from pathlib import Path

import psycopg
import pytest

from fhir_server.store import migrate
from tests.integration.store.schema import differences_from_the_code

SCHEMAS = sorted((Path(__file__).parents[2] / "data" / "schemas").glob("*.sql"))
_FOR_PSQL = re.compile(r"^(\\.*|SET .*|SELECT pg_catalog\.set_config.*)$", re.MULTILINE)


@pytest.fixture
def old_database(empty_database_url, request):
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(_FOR_PSQL.sub("", request.param.read_text(encoding="utf-8")))
        connection.execute("INSERT INTO alembic_version (version_num) VALUES (%s)", (request.param.stem,))
    return empty_database_url


@pytest.mark.parametrize("old_database", SCHEMAS, ids=lambda path: path.stem, indirect=True)
def test_a_released_schema_migrates_to_todays(old_database):
    migrate.upgrade(old_database)
    assert migrate.revision(old_database) == migrate.HEAD
    assert differences_from_the_code(old_database) == []


def test_what_the_server_asks_for_is_the_newest_migration():
    assert next(migrate.released()) == migrate.HEAD


def test_every_released_schema_is_kept():
    assert [path.stem for path in SCHEMAS] == sorted(migrate.released())
