"""The example of examples/search.py prints what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("clients")

EXAMPLE = Path(__file__).parents[3] / "examples" / "search.py"


def test_the_search_example_finds_what_its_transaction_stored(server):
    command = [sys.executable, str(EXAMPLE), server.fhir.removesuffix("/fhir")]
    environment = os.environ | {"FHIR_TOKEN": server.token}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    statuses, *answers = done.stdout.splitlines()
    assert statuses == "transaction: 201 201 201 201 201"
    assert answers == [
        "newest two: 66 118",
        "above 100: 118",
        "with the patient: Observation Observation Observation Observation Patient",
        "through the patient's identifier: 4",
        "latest of each code: 66",
    ]
