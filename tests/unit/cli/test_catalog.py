"""The commands and what each says of itself."""

import re
import subprocess
import sys
import time

import pytest
from typer.main import get_command

from fhir_server.cli.catalog import commands

WANTED = {
    "serve",
    "demo",
    "load",
    "ingest",
    "device add",
    "device list",
    "device assign",
    "device rotate",
    "device api-key",
    "device revoke-api-keys",
    "device disable",
    "device enable",
    "device remove",
    "user add",
    "user list",
    "user change",
    "user reset",
    "user revoke-apps",
    "user disable",
    "user enable",
    "client add",
    "client list",
    "client show",
    "client change",
    "client secret",
    "client revoke-grants",
    "client disable",
    "client enable",
    "key list",
    "key rotate",
    "key new-master",
    "key reseal",
    "deadletter list",
    "deadletter show",
    "deadletter retry",
    "subscription list",
    "subscription set-aside",
    "subscription off",
    "subscription pause",
    "subscription resume",
    "profile check",
    "profile try",
    "profile new",
    "profile list",
    "profile import",
    "blobs sweep",
    "audit list",
    "audit verify",
    "audit seal",
    "audit drop",
    "audit stored",
    "backup",
    "restore",
    "migrate",
    "reindex",
    "explain",
    "version",
}


def _leaves():
    for name, command in get_command(commands).commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {each}", leaf) for each, leaf in command.commands.items())
        else:
            yield name, command


LEAVES = dict(_leaves())


def test_the_commands_are_these():
    assert set(LEAVES) == WANTED


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_command_shows_an_example_of_itself(name):
    (example,) = re.findall(r"Example: (.*)", LEAVES[name].help)
    assert f"fhir-server {name}" in example


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_command_takes_the_data_folder_and_json(name):
    options = {option for parameter in LEAVES[name].params for option in parameter.opts}
    assert options >= {"--data-dir", "--json"}


def test_help_needs_none_of_the_servers_libraries():
    code = "import sys; import fhir_server.cli; print([m for m in ('sqlalchemy','fastapi','psycopg','pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_list_of_commands_is_there_quickly():
    started = time.process_time()
    code = "import resource; from fhir_server.cli.catalog import commands; print(resource.getrusage(resource.RUSAGE_SELF).ru_utime)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.5
    assert time.process_time() - started < 5
