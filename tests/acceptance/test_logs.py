"""What is sent to a running server stands in no log, whatever the server makes of it.

docs/operations.md, "Logs"
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.log_guard import CANARY, CANARY_DIGITS, postgresql_violations, violations
from tests.soak.client import BEARER, FHIR, Client, Device
from tests.soak.load import registered
from tests.soak.server import TOKEN, Server, serving

VALUE = float(f"97.{CANARY_DIGITS}")
PATIENT = {"resourceType": "Patient", "name": [{"family": CANARY}], "identifier": [{"value": CANARY}]}
FORM = BEARER | {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(workers=1, FHIR_LOG_LEVEL="debug") as running:
        yield running


async def test_no_canary_sings_in_a_log(server: Server):
    (device,) = await registered(server.database_url, server.data_dir, 1)
    client = Client(server.port)
    statuses = set()
    for method, path, headers, body in [*fhir_requests(), *garbled_requests(), *readings(device)]:
        answer = await client.send(method, path, headers, body)
        assert answer.status != 500, (method, path)
        statuses.add(answer.status)
    await nonsense(server.port)
    metrics = await client.send("GET", "/metrics")
    client.close()

    assert {200, 201, 204, 207, 400, 401, 404, 405, 406, 412, 415, 422} <= statuses
    assert CANARY.encode() not in metrics.body.lower()
    assert server.log_file.read_text().count("\n") > len(statuses)
    secrets = (CANARY, CANARY_DIGITS, device.secret, TOKEN)
    assert [
        (path, secret) for path, text in written(server) for secret in secrets if secret in text.lower()
    ] == []
    assert [wrong for line in server.log_file.read_bytes().splitlines() for wrong in violations(line)] == []


async def test_postgresql_writes_neither_statements_nor_values_in_its_log(server: Server):
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        for statement in (
            f"INSERT INTO patient_key (id) VALUES ('{CANARY}'), ('{CANARY}')",
            f"SELECT '{CANARY}'::int",
            f"SELECT * FROM {CANARY}",
            f"SET statement_timeout = 50; SELECT '{CANARY}', pg_sleep(5)",
            f"DO $$ BEGIN RAISE EXCEPTION '{CANARY}' USING DETAIL = '{CANARY}'; END $$",
            f"DO $$ BEGIN RAISE WARNING '{CANARY}'; END $$",
        ):
            with suppress(psycopg.Error):
                connection.execute(statement)
        with suppress(psycopg.Error):
            connection.execute("SELECT %s::int", [CANARY])
    await asyncio.to_thread(kill_a_backend_at_work, server)

    log = server.postgresql_log()
    assert "was terminated by signal 9" in log
    assert CANARY not in log.lower()
    assert [line for line in log.splitlines() if postgresql_violations(line)] == []


def kill_a_backend_at_work(server: Server) -> None:
    """Its statement is what PostgreSQL would tell of the crash."""
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.pgconn.send_query(f"SELECT '{CANARY}', pg_sleep(5)".encode())
        time.sleep(0.2)
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        connection.close()
    server.await_ready(20)


def written(server: Server) -> Iterator[tuple[Path, str]]:
    """Every file in which the server or its database may have written a line."""
    folders = (server.folder.glob("*"), server.data_dir.glob("*.log"), server.data_dir.glob("pg/log/*"))
    for path in (path for folder in folders for path in folder if path.is_file()):
        yield path, path.read_text(errors="replace")


def fhir_requests() -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """Requests in good order, and those that are refused for what they say."""
    patient = json.dumps(PATIENT).encode()
    named = f"identifier={CANARY}"
    yield "POST", "/fhir/Patient", FHIR, patient
    yield "POST", "/fhir/Patient", FHIR | {"If-None-Exist": f"identifier={CANARY}-2"}, patient
    yield "POST", "/fhir/Patient", FHIR | {"If-None-Exist": f"{CANARY}={CANARY}"}, patient
    yield "PUT", "/fhir/Patient/p1", FHIR, json.dumps(PATIENT | {"id": "p1"}).encode()
    yield "PUT", f"/fhir/Patient/{CANARY}", FHIR, json.dumps(PATIENT | {"id": CANARY}).encode()
    yield "PUT", f"/fhir/Patient/{CANARY}", FHIR, json.dumps(PATIENT | {"id": "p2"}).encode()
    yield (
        "PUT",
        "/fhir/Patient/p1",
        FHIR | {"If-Match": f'W/"{CANARY}"'},
        json.dumps(PATIENT | {"id": "p1"}).encode(),
    )
    yield "PUT", "/fhir/Patient/p1", FHIR | {"If-Match": 'W/"9"'}, json.dumps(PATIENT | {"id": "p1"}).encode()
    yield "PUT", f"/fhir/Patient?{named}", FHIR, patient
    yield "GET", f"/fhir/Patient/{CANARY}", BEARER, b""
    yield "GET", f"/fhir/Patient/{CANARY}/_history", BEARER, b""
    yield "GET", f"/fhir/Patient/{CANARY}/_history/{CANARY}", BEARER, b""
    yield "GET", f"/fhir/Patient?name={CANARY}&{named}", BEARER, b""
    yield "GET", f"/fhir/Patient?{CANARY}=1", BEARER, b""
    yield "GET", f"/fhir/Patient?name:{CANARY}=1", BEARER, b""
    yield "GET", f"/fhir/Patient?birthdate={CANARY}", BEARER, b""
    yield "GET", f"/fhir/Patient?{CANARY}=1", BEARER | {"Prefer": f"handling=lenient; {CANARY}"}, b""
    yield "GET", f"/fhir/Observation?code={CANARY}&value-quantity=ge{VALUE}", BEARER, b""
    yield "POST", "/fhir/Patient/_search", FORM, f"name={CANARY}&_count=1".encode()
    yield "POST", "/fhir/Patient/_search", FORM, f"{CANARY}=%00".encode()
    yield "GET", f"/fhir/{CANARY}/1", BEARER, b""
    yield "GET", f"/fhir/Patient/${CANARY}", BEARER, b""
    yield "GET", f"/{CANARY}", BEARER, b""
    yield from bundles_and_operations()
    yield "DELETE", f"/fhir/Patient?identifier={CANARY}-3", BEARER, b""
    yield "DELETE", f"/fhir/Patient/{CANARY}", BEARER, b""
    yield "GET", f"/fhir/Patient/{CANARY}", BEARER, b""


def bundles_and_operations() -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """Many resources at once, searches along references, patches and operations."""
    patient = {"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}
    conditional = {
        "resource": PATIENT,
        "request": {"method": "PUT", "url": f"Patient?{CANARY}={CANARY}&identifier={CANARY}"},
    }
    search = {"request": {"method": "GET", "url": f"Patient?name={CANARY}&{CANARY}={CANARY}"}}
    dangling = {
        "resource": {"resourceType": "Observation", "subject": {"reference": f"Patient?name={CANARY}"}},
        "request": {"method": "POST", "url": "Observation"},
    }
    for entries in ([patient], [patient, conditional, search], [dangling], [{CANARY: CANARY}]):
        for kind in ("transaction", "batch", CANARY):
            bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
            yield "POST", "/fhir", FHIR, json.dumps(bundle).encode()
    for query in (
        f"Observation?subject:Patient.name={CANARY}&_include=Observation:subject",
        f"Patient?_has:Observation:patient:code={CANARY}&_sort=-family,{CANARY}",
        f"Patient/{CANARY}/*",
        f"Patient/{CANARY}/Observation?code:text={CANARY}",
        f"?_type=Patient,{CANARY}&_tag={CANARY}",
        f"Patient/{CANARY}/$everything",
        f"Patient/p1/$everything?_type={CANARY}",
        f"Observation/$lastn?patient=Patient/{CANARY}&code={CANARY}",
        f"Observation/$stats?subject=Patient/{CANARY}&code={CANARY}&statistic={CANARY}",
    ):
        yield "GET", f"/fhir/{query}", BEARER, b""
    patch = [
        {"op": "test", "path": f"/{CANARY}", "value": CANARY},
        {"op": "add", "path": "/active", "value": True},
    ]
    for body in (patch, patch[1:], [{CANARY: CANARY}]):
        kind = {"Content-Type": "application/json-patch+json"}
        yield "PATCH", "/fhir/Patient/p1", FHIR | kind, json.dumps(body).encode()
    yield "POST", "/fhir/Patient/$validate", FHIR, json.dumps(PATIENT | {CANARY: CANARY}).encode()


def garbled_requests() -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """Requests that are refused before anything is looked at."""
    yield "POST", "/fhir/Patient", FHIR, f'{{"resourceType": "{CANARY}'.encode()
    yield "POST", "/fhir/Patient", FHIR, f'{{"{CANARY}": 1, "{CANARY}": 2}}'.encode()
    yield "POST", "/fhir/Patient", FHIR, json.dumps(PATIENT | {CANARY: VALUE}).encode()
    yield "POST", "/fhir/Patient", FHIR, json.dumps(PATIENT | {"active": CANARY, "gender": CANARY}).encode()
    yield "POST", "/fhir/Patient", FHIR, json.dumps({"resourceType": CANARY}).encode()
    yield "POST", "/fhir/Patient", FHIR, CANARY.encode() + b"\xff\xfe\x00"
    yield "POST", "/fhir/Patient", FHIR, f'"{CANARY * 900_000}"'.encode()
    yield "POST", "/fhir/Patient", FHIR | {"Content-Type": f"text/{CANARY}"}, b"{}"
    yield "GET", "/fhir/Patient", BEARER | {"Accept": f"text/{CANARY}"}, b""
    yield "GET", f"/fhir/Patient?_format={CANARY}", BEARER, b""
    yield "GET", "/fhir/Patient", {"Authorization": f"Bearer {CANARY}"}, b""
    yield "GET", "/fhir/Patient", {"Authorization": f"{CANARY} {CANARY}"}, b""
    yield "GET", "/fhir/Patient", BEARER | {"X-Request-Id": f"{CANARY} {CANARY}", "Cookie": CANARY}, b""
    yield "PATCH", "/fhir/Patient/p1", FHIR, CANARY.encode()
    yield "POST", "/fhir/Patient/p1", FHIR, CANARY.encode()
    yield CANARY.upper(), "/fhir/Patient", FHIR, b""
    yield "GET", f"/fhir/Patient/%00{CANARY}", BEARER, b""


def readings(device: Device) -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """Signed requests, and requests that are not signed as they should be."""
    now = {"timestamp": "2026-01-05T10:00:00Z"}
    edge = {"heartRate": 75, "spo2": VALUE, "temperature": VALUE, "timestamp": 1_700_000_000}
    for path, tree in (
        ("/ingest/readings", [now | {"data": {"spo2": VALUE}, "sequence": CANARY}]),
        (
            "/ingest/readings",
            [now | {"data": {"spo2": 9 * VALUE, CANARY: VALUE}}, now | {"data": {"spo2": VALUE}}],
        ),
        ("/ingest/readings", now | {"data": {"spo2": 95}, "sequence": CANARY}),
        ("/ingest/readings", now | {"data": {"spo2": 95}, "patient": CANARY}),
        ("/ingest/readings", {CANARY: CANARY}),
        ("/api/device/vitals", edge),
        ("/api/device/vitals", [edge]),
    ):
        body = json.dumps(tree).encode()
        yield "POST", path, device.signed(path, body), body
        yield "POST", path, device.signed(path, body, at=1), body
        yield "POST", path, device.signed(path, body) | {"X-Signature": CANARY}, body
        yield "POST", path, replace(device, secret=CANARY).signed(path, body), body
        yield "POST", path, replace(device, name=CANARY).signed(path, body), body
    for body in (f'{{"{CANARY}":'.encode(), CANARY.encode() + b"\xff"):
        yield "POST", "/ingest/readings", device.signed("/ingest/readings", body), body
    yield (
        "POST",
        "/ingest/readings",
        device.signed("/ingest/readings", b"{}") | {"Content-Type": CANARY},
        b"{}",
    )


async def nonsense(port: int) -> None:
    """Sends what is not HTTP."""
    for sent in (
        f"{CANARY}\r\n\r\n",
        f"GET /{CANARY} HTTP/9.9\r\n\r\n",
        f"GET / HTTP/1.1\r\n{CANARY}\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent.encode())
        await asyncio.wait_for(reader.read(), 10)
        writer.close()
