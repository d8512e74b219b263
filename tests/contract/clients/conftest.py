"""A server as an operator starts it, for clients that nobody changed for it."""

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql

from tests.acceptance.command_line import TOKEN, Process


class Address(NamedTuple):
    """Where the server's FHIR API is, and the token that lets a client in."""

    fhir: str
    token: str


@pytest.fixture(scope="session")
def clients_database_url(postgres_url, template):
    name = f"clients_{uuid.uuid4().hex[:12]}"
    create, drop = "CREATE DATABASE {} TEMPLATE {}", "DROP DATABASE {} WITH (FORCE)"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL(create).format(sql.Identifier(name), sql.Identifier(template)))
    address, question, query = postgres_url.partition("?")
    yield address[: address.index("/", address.index("://") + 3) + 1] + name + question + query
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL(drop).format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def server(clients_database_url):
    """A process of its own; tests that share it use identifiers of their own."""
    folder = Path(tempfile.mkdtemp(prefix="fhir-clients-", dir="/var/tmp"))
    process = Process("serve", "--port", "0", data_dir=folder, DATABASE_URL=clients_database_url)
    try:
        yield Address(process.line()["fhir"], TOKEN)
    finally:
        process.end()
        shutil.rmtree(folder)
