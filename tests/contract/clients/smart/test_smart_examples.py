"""The examples of examples/smart_app and examples/backend_service.py do what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.clients.smart.conftest import WORDS

pytestmark = pytest.mark.xdist_group("clients")

EXAMPLE = Path(__file__).parents[4] / "examples" / "backend_service.py"


def test_the_smart_app_shows_the_latest_vital_signs_of_the_patient_that_was_picked(chromium):
    shown = chromium.do("vitals", name="smart-doc", password=WORDS, pick="Lovelace")
    assert shown["said"] == "Ada Lovelace"
    assert [row.split("\t")[:2] for row in shown["rows"]] == [["8867-4", "61 /min"]]


@pytest.mark.item("smart-B1")
def test_the_service_makes_a_key_and_prints_what_it_may_read(server, operator, tmp_path):
    jwks = _run("--make-key", tmp_path / "private.json")
    about = {"backend": True, "scopes": ["system/Observation.rs"], "jwks": json.loads(jwks)}
    operator.app("night-report", "Night report", "private_key_jwt", **about)
    lines = _run("--key", tmp_path / "private.json", server.fhir).splitlines()
    assert "2026-02-03T10:01:00Z 8867-4 61 /min" in lines


def _run(*arguments):
    command = [sys.executable, str(EXAMPLE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
