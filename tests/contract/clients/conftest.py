"""A server as an operator starts it, for clients that nobody changed for it."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import nginx
from tests.acceptance.command_line import TOKEN, Process


class Address(NamedTuple):
    """Where the server's FHIR API is, and the token that lets a client in."""

    fhir: str
    token: str


@pytest.fixture(scope="session")
def server(cloned):
    """A process of its own; tests that share it use identifiers of their own."""
    folder = Path(tempfile.mkdtemp(prefix="fhir-clients-", dir="/var/tmp"))
    with cloned() as url:
        settings = {
            "FHIR_TRUSTED_PROXIES": json.dumps([f"{nginx.FROM}/32"]),
            "FHIR_OUTBOUND_ALLOW": '["127.0.0.0/8"]',
        }
        process = Process("serve", "--port", "0", data_dir=folder, DATABASE_URL=url, **settings)
        try:
            yield Address(process.line()["fhir"], TOKEN)
        finally:
            process.end()
            shutil.rmtree(folder)
