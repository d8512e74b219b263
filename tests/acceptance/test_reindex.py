"""A reindex from the command line, and what a kill leaves of it."""

import asyncio
import base64
import json
import subprocess

import psycopg
import pytest

from fhir_server.interactions.write import prepare
from fhir_server.store.database import Database
from tests.acceptance.command_line import PROGRAM, environment, eventually

RESOURCES = 12_000


@pytest.fixture
def started(database_url, tmp_path):
    """Starts a command on the test's database."""
    env = environment(
        DATABASE_URL=database_url,
        FHIR_MASTER_KEY=base64.b64encode(b"k" * 32).decode(),
        FHIR_DATA_DIR=str(tmp_path),
    )
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd="/"
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


async def _filled(url):
    """Resources that are found by nothing any more."""
    tree = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueInteger": 1}
    text = json.dumps(tree).encode()
    database = Database(url)
    await database.open()
    await database.create_all([prepare("Observation", text, method="POST") for _ in range(RESOURCES)])
    async with database.connection() as connection:
        await connection.execute("UPDATE resource SET tokens = '{}'")
        await connection.execute("UPDATE search_index SET version = 1")
    await database.close()


def test_a_reindex_that_was_killed_is_gone_on_with(started, database_url):
    asyncio.run(_filled(database_url))
    with psycopg.connect(database_url, autocommit=True) as connection:

        def value(sql):
            row = connection.execute(sql).fetchone()
            return row and row[0]

        killed = started("reindex", "--json")
        eventually(lambda: value("SELECT done FROM job"), patience=60)
        killed.kill()
        killed.communicate()
        done = value("SELECT done FROM job")
        assert 0 < done < RESOURCES
        assert value("SELECT count(*) FROM resource WHERE tokens <> '{}'") == done
        connection.execute("UPDATE job SET lease_until = clock_timestamp()")
        again = started("reindex", "--json")
        out, err = again.communicate(timeout=120)
        assert again.returncode == 0, err
        said = json.loads(out)
        assert (said["state"], said["done"], said["total"], said["failures"]) == (
            "finished",
            RESOURCES,
            RESOURCES,
            [],
        )
        assert value("SELECT count(*) FROM job") == 1
        assert value("SELECT count(*) FROM resource WHERE tokens = '{}'") == 0


def test_a_type_that_is_none_is_told_in_one_line(started):
    process = started("reindex", "--type", "observation")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.decode().startswith("fhir-server: --type 'observation'")
