"""The guard over the logs can tell a line that may be written from one that may not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.log_guard import FOLDER, postgresql_violations, violations

GOOD = {
    "event": "request",
    "level": "info",
    "timestamp": "2026-01-01T00:00:00.000000Z",
    "method": "GET",
    "interaction": "search-type",
    "type": "Observation",
    "status": 200,
    "milliseconds": 1.25,
    "request_id": "0123456789abcdef",
}


def line(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


@pytest.mark.parametrize(
    "written",
    [
        line(),
        line(event="readings taken in", device="0197fd6e-7b44-7000-8000-000000000001", created=2),
        line(event="discarding broken connection: %s", logger="psycopg.pool"),
        line(event="unexpected", exception="psycopg.errors.DataError", places=["app.py:12 create_app"]),
    ],
)
def test_a_line_of_known_shape_may_be_written(written: bytes):
    assert violations(written) == []


@pytest.mark.parametrize(
    ("written", "violation"),
    [
        (b"Traceback (most recent call last):", "is not JSON"),
        (b'["request"]', "is no JSON object"),
        (b'{"event": "request"}', "has no level"),
        (line(query="patient=p1"), "has the unknown key 'query'"),
        (line(type="Observation?patient=p1"), "type is 'Observation?patient=p1'"),
        (line(interaction="/fhir/Patient/p1"), "interaction is '/fhir/Patient/p1'"),
        (line(method="BREW"), "method is 'BREW'"),
        (line(status="200"), "status is '200'"),
        (line(status=72.5), "status is 72.5"),
        (line(request_id="Peter James"), "request_id is 'Peter James'"),
        (line(device="pi-001"), "device is 'pi-001'"),
        (line(reason="the signature is AbC="), "reason is 'the signature is AbC='"),
        (line(created="97 %"), "created is '97 %'"),
        (line(event="stored spo2 = 97"), "event is 'stored spo2 = 97'"),
        (line(event="GET https://server.example"), "event is 'GET https://server.example'"),
        (line(exception="KeyError: 'p1'"), "exception is \"KeyError: 'p1'\""),
        (line(places=["app.py:12 create_app(name='p1')"]), "places is"),
        (line(timestamp="1970-01-01"), "timestamp is '1970-01-01'"),
        (line(type="Canary"), "gives away 'canary'"),
        (line(milliseconds=36.1357911), "gives away '1357911'"),
        (line(request_id="t" * 40), f"gives away '{'t' * 40}'"),
        (line(event="Chalmers"), "gives away 'chalmers'"),
        (line(event="SELECT body FROM resource"), "gives away 'select '"),
    ],
)
def test_a_line_that_may_not_be_written_is_told(written: bytes, violation: str):
    assert any(found.startswith(violation) for found in violations(written))


@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        ("2026-01-01 00:00:00.000 UTC [1] LOG:  database system is ready to accept connections", True),
        ('2026-01-01 00:00:00.000 UTC [1] LOG:  listening on Unix socket "/run/x/.s.PGSQL.5432"', True),
        (
            "2026-01-01 00:00:00.000 UTC [1] LOG:  server process (PID 2) was terminated by signal 9: Killed",
            True,
        ),
        ("2026-01-01 00:00:00.000 UTC [1] ERROR:  duplicate key value", False),
        ("2026-01-01 00:00:00.000 UTC [1] DETAIL:  Key (id)=(p1) already exists.", False),
        ("2026-01-01 00:00:00.000 UTC [1] STATEMENT:  UPDATE resource", False),
        ("\t WHERE id = 'p1'", False),
        ("2026-01-01 00:00:00.000 UTC [1] LOG:  duration: 1 ms  execute: parameters: $1 = 'p1'", False),
        ("2026-01-01 00:00:00.000 UTC [1] LOG:  statement: SELECT 1", False),
    ],
)
def test_postgresql_may_log_of_itself_alone(written: str, allowed: bool):
    assert (postgresql_violations(written) == []) is allowed


def test_a_run_whose_server_logged_a_name_fails_and_names_the_line(tmp_path: Path):
    (tmp_path / "conftest.py").write_text(
        "from tests.log_guard import pytest_configure, pytest_sessionfinish\n"
    )
    (tmp_path / "test_it.py").write_text(
        "from pathlib import Path\n"
        "from pydantic import SecretStr\n"
        "import structlog\n"
        "from fhir_server import logs\n"
        "from fhir_server.settings import Settings\n"
        "def test_it():\n"
        "    logs.configure('info', Settings(_env_file=None).log_file)\n"
        "    structlog.get_logger().info('request', patient='Peter')\n"
    )
    kept = {name: value for name, value in os.environ.items() if name != FOLDER and "XDIST" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env=kept | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )

    assert done.returncode == 1
    assert "1 passed" in done.stdout
    assert "main.jsonl, line 1 has the unknown key 'patient'" in done.stdout
