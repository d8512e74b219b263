"""A database that the version before wrote, served by this one."""

import asyncio
import json
import re
from pathlib import Path

import psycopg

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store import migrate

SCHEMA = Path(__file__).parents[2] / "data" / "schemas" / "0001.sql"
_FOR_PSQL = re.compile(r"^(\\.*|SET .*|SELECT pg_catalog\.set_config.*)$", re.MULTILINE)


async def test_what_the_version_before_stored_is_found_again_without_anybody_asking(
    serving, empty_database_url
):
    meta = {"versionId": "1", "lastUpdated": "2026-01-01T00:00:00.000Z"}
    body = json.dumps({"resourceType": "Patient", "id": "p1", "meta": meta, "active": True})
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(_FOR_PSQL.sub("", SCHEMA.read_text(encoding="utf-8")))
        connection.execute("INSERT INTO public.alembic_version (version_num) VALUES ('0001')")
        connection.execute(
            "INSERT INTO public.resource (rid, type, id, version, method, last_updated, tokens, body)"
            " VALUES (1, %s, 'p1', 1, 'PUT', '2026-01-01', '{7}', %s)",
            (RESOURCE_TYPES["Patient"], body),
        )
    migrate.upgrade(empty_database_url)
    async with serving(database_url=empty_database_url) as client:
        for _ in range(400):
            entries = (await client.get("/fhir/Patient?active=true")).json()["entry"]
            if entries[0]["search"]["mode"] == "match":
                break
            assert [entry["search"]["mode"] for entry in entries] == ["outcome"]
            await asyncio.sleep(0.02)
    assert entries[0]["resource"]["id"] == "p1"
