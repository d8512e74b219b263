"""The simulated devices, run as their own documentation says, against a real server."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from fhir_server.store.embedded import attach
from mappers.profile import PROFILES
from tests.acceptance.command_line import ROOT, environment
from tests.enrolment import enrolled


async def test_a_device_of_every_type_sends_what_is_stored_without_a_warning(server):
    devices = await enrolled(
        attach(server.data_dir),
        server.data_dir,
        [(f"sim-{type}", type, "simulated") for type in PROFILES],
        datetime.now(UTC) - timedelta(days=30),
    )
    described = [
        {"name": each.name, "type": type, "secret": each.secret}
        for each, type in zip(devices, PROFILES, strict=True)
    ]

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", str(ROOT / "examples" / "simulators.py"), server.url,
         "--messages", "66", "--speed", "20"],
        input=json.dumps(described), capture_output=True, text=True, check=False, timeout=90, env=environment(),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    exchanges = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["device_id"] for each in exchanges} == {f"sim-{type}" for type in PROFILES}
    paths = {"/ingest/readings", "/ingest/omh", "/api/device/vitals", "/api/wearables/sync"}
    assert {each["path"] for each in exchanges} == paths
    told = [each for each in exchanges if each["status"] != 200 or "outcome" in json.dumps(each["answer"])]
    assert told == []
