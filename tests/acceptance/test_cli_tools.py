"""The tools of the command line, most of them beside a running server."""

import asyncio
import io
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pydicom.data
import pytest

from fhir_server.cli.catalog import commands
from fhir_server.demo import ward
from fhir_server.demo.ecg import ecg
from fhir_server.demo.http import Client
from fhir_server.demo.people import app, people
from fhir_server.errors import Conflict, OperatorError
from fhir_server.store.backup import RestoreFailed
from tests.acceptance.command_line import ROOT, TOKEN, Process, answer, command, environment, eventually
from tests.data.resmed_card import card

pytestmark = pytest.mark.xdist_group("command-line")


def test_the_version_is_json_for_scripts():
    said = json.loads(command("version", "--json").stdout)
    assert said.keys() == {"fhir_server", "fhir", "python"}
    assert said["fhir"] == "4.0.1"


def test_explain_needs_no_database(capsys):
    commands(
        ["explain", "Observation?patient=p1&code=http://loinc.org|59408-5&_sort=-date"], standalone_mode=False
    )
    assert "SELECT" in capsys.readouterr().out


def test_a_failure_is_one_line_and_no_traceback(server):
    done = command("device", "rotate", "nobody", data_dir=server.data_dir)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("fhir-server: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_devices_can_be_kept_while_no_server_runs(here, data_dir):
    here(
        *("device", "add", "pi-1", "--type", "pulse-oximeter", "--patient", "p1"),
        *("--from", "2026-01-01T00:00:00Z"),
        data_dir=data_dir,
    )
    (listed,) = here("device", "list", data_dir=data_dir)
    assert (listed["device_id"], listed["patient"], listed["status"]) == ("pi-1", "Patient/p1", "active")


def test_secrets_are_sealed_under_a_new_master_key(here, data_dir):
    here("device", "add", "pi-1", "--type", "pulse-oximeter", data_dir=data_dir)
    before = Path(here("key", "new-master", data_dir=data_dir)["previous"])
    assert here("key", "reseal", data_dir=data_dir)["device_secrets"] == 1
    before.unlink()
    assert command("audit", "verify", data_dir=data_dir).returncode == 0
    kept = [
        (one["action"], one["what"], one["who"], one["outcome"])
        for one in here("audit", "list", data_dir=data_dir)
    ]
    assert kept == [
        ("audit-verify", "Audit", "command", 0),
        ("key-reseal", "Key", "command", 0),
        ("key-new-master", "Key", "command", 0),
        ("device-add", "Device/pi-1", "command", 0),
    ]


def test_a_secret_is_renewed_a_name_is_taken_once_and_a_device_disabled(here, server):
    added = here("device", "add", "pi-life", "--type", "pulse-oximeter", data_dir=server.data_dir)
    rotated = here("device", "rotate", "pi-life", data_dir=server.data_dir)
    assert rotated["secret"] != added["secret"]
    with pytest.raises(Conflict, match="pi-life"):
        here("device", "add", "pi-life", "--type", "pulse-oximeter", data_dir=server.data_dir)
    keyed = here("device", "api-key", "pi-life", data_dir=server.data_dir)
    assert keyed["api_key"].startswith("dk_")
    revoked = here("device", "revoke-api-keys", "pi-life", data_dir=server.data_dir)
    assert revoked == {"device_id": "pi-life", "revoked": 1}
    assert here("device", "disable", "pi-life", data_dir=server.data_dir)["status"] == "disabled"


def test_a_recorded_ecg_becomes_observations_and_a_report_once(here, server):
    ecg = pydicom.data.get_testdata_file("waveform_ecg.dcm", download=False)
    here("device", "add", "ecg-1", "--type", "ecg-monitor", data_dir=server.data_dir)
    summaries = here("ingest", ecg, ecg, "--device", "ecg-1", "--patient", "p1", data_dir=server.data_dir)
    first, again = summaries
    assert (first["format"], first["created"]) == ("dicom-ecg", 1)
    assert (again["seen"], again["references"]) == (True, first["references"])
    assert {reference.partition("/")[0] for reference in first["references"]} == {
        "Observation",
        "DiagnosticReport",
    }


def test_a_file_of_readings_of_a_device_on_nobody_is_rejected_reading_by_reading(here, server):
    here("device", "add", "pi-file", "--type", "pulse-oximeter", data_dir=server.data_dir)
    readings = ROOT / "examples" / "readings.ndjson"
    (summary,) = here("ingest", readings, "--device", "pi-file", data_dir=server.data_dir, status=1)
    assert (summary["created"], summary["rejected"]) == (0, 2)
    (stored,) = here("ingest", readings, "--device", "pi-file", "--patient", "p1", data_dir=server.data_dir)
    assert (stored["created"], stored["rejected"]) == (2, 0)


def test_a_folder_is_walked_and_what_was_made_of_it_is_told(here, server, tmp_path):
    here("device", "add", "cpap-1", "--type", "apap", "--patient", "p1", data_dir=server.data_dir)
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "STR.edf").write_bytes(card())
    (tmp_path / "card" / "journal.jnl").write_bytes(b"\0")
    said = command(
        *("ingest", tmp_path / "card", "--device", "cpap-1", "--patient", "p1", "--zone", "+01:00"),
        data_dir=server.data_dir,
    )
    assert said.returncode == 0, said.stderr
    assert "STR.edf: 2 created" in said.stdout
    assert re.search(r"Observation +69990-0 .* 2\b", said.stdout)
    assert "journal.jnl" in said.stderr


def test_a_broken_file_is_one_line(here, server, tmp_path):
    here("device", "add", "cpap-broken", "--type", "apap", data_dir=server.data_dir)
    (tmp_path / "STR.edf").write_bytes(card()[:-5])
    with pytest.raises(OperatorError, match=r"^STR\.edf: The EDF file has 4443 of the 4448[^\n]*$"):
        here("ingest", tmp_path / "STR.edf", "--device", "cpap-broken", data_dir=server.data_dir)


def test_a_file_whose_reader_was_killed_is_all_there_once_when_it_is_brought_again(here, server, tmp_path):
    here("device", "add", "pi-kill", "--type", "pulse-oximeter", data_dir=server.data_dir)
    here(
        *("device", "assign", "pi-kill", "--patient", "kill", "--from", "2020-01-01T00:00:00Z"),
        data_dir=server.data_dir,
    )
    many = tmp_path / "many.ndjson"
    many.write_text(
        "\n".join(f'{{"timestamp": {1_704_067_200 + n}, "data": {{"spo2": 97}}}}' for n in range(3_000))
    )
    killed = Process("ingest", many, "--device", "pi-kill", data_dir=server.data_dir)
    eventually(lambda: oximetry_of_kill(server) > 0, 30)
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    assert 0 < oximetry_of_kill(server) < 3_000
    (summary,) = here("ingest", many, "--device", "pi-kill", data_dir=server.data_dir)
    assert summary["created"] + summary["unchanged"] == 3_000
    assert summary["unchanged"] > 0
    assert oximetry_of_kill(server) == 3_000


def oximetry_of_kill(server):
    """How many Observations the patient of this name has."""
    return server.get("/fhir/Observation?patient=kill&_summary=count")[1]["total"]


def test_a_reading_of_a_device_on_nobody_waits_until_the_device_is_assigned_and_it_is_retried(here, server):
    device = here("device", "add", "pi-late", "--type", "pulse-oximeter", data_dir=server.data_dir)
    env = environment(DEVICE_ID="pi-late", DEVICE_SECRET=device["secret"])
    subprocess.run(
        [ROOT / "examples" / "send_reading.sh", server.url], env=env, check=False, capture_output=True
    )
    (letter,) = [
        each for each in here("deadletter", "list", data_dir=server.data_dir) if each["device"] == "pi-late"
    ]
    shown = here("deadletter", "show", letter["number"], data_dir=server.data_dir)
    assert json.loads(shown["payload"])["data"]["spo2"] == 97
    here(
        *("device", "assign", "pi-late", "--patient", "p1", "--from", "2026-01-01T00:00:00Z"),
        data_dir=server.data_dir,
    )
    (retried,) = here("deadletter", "retry", letter["number"], data_dir=server.data_dir)
    assert retried["status"] == "created"


def test_a_bundle_is_loaded_with_lasting_references_and_not_twice(here, server, tmp_path):
    ward = ROOT / "examples" / "ward.json"
    first = here("load", ward, "--rejects", tmp_path / "rejects", data_dir=server.data_dir)
    again = here("load", ward, "--rejects", tmp_path / "rejects", data_dir=server.data_dir)
    assert (first["created"], first["rejected"], first["rejects"]) == (2, 0, None)
    assert not (tmp_path / "rejects").exists()
    assert (again["created"], again["unchanged"], again["updated"]) == (0, 2, 0)


def test_what_a_load_refuses_is_named_by_line_and_kept(server, tmp_path):
    lines = tmp_path / "lines.ndjson"
    lines.write_text(
        '{"resourceType":"Patient","id":"a"}\n'
        '{"resourceType":"Patient","id":"b","gender":"unheard-of"}\n'
        "{not json}\n"
        '{"resourceType":"Patient","id":"c"}\n'
    )
    done = command("load", lines, "--json", data_dir=server.data_dir, cwd=tmp_path)
    counts = json.loads(done.stdout)
    assert (done.returncode, counts["created"], counts["rejected"]) == (1, 2, 2)
    assert f"{lines}:2: Patient.gender" in done.stderr
    kept = [json.loads(line) for line in Path(tmp_path, counts["rejects"]).read_text().splitlines()]
    assert [each["place"] for each in kept] == [f"{lines}:2", f"{lines}:3"]
    assert kept[0]["resource"]["id"] == "b"


def test_a_load_that_was_killed_goes_on_where_it_was(server, tmp_path):
    total = 6000
    lines = tmp_path / "many.ndjson"
    lines.write_text("".join(f'{{"resourceType":"Patient","id":"many-{n}"}}\n' for n in range(total)))
    killed = Process("load", lines, "--rejects", tmp_path / "rejects", data_dir=server.data_dir)
    while not list(server.data_dir.glob("load-*.json")) and killed.process.poll() is None:
        time.sleep(0.005)
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    counts = answer("load", lines, "--rejects", tmp_path / "rejects", data_dir=server.data_dir)
    assert counts["resumed"] >= 500
    assert counts["resumed"] + counts["created"] + counts["unchanged"] == total
    assert not list(server.data_dir.glob("load-*.json"))


def test_a_backup_of_a_running_server_comes_back_in_another_folder(here, server, pristine, tmp_path):
    here("device", "add", "pi-kept", "--type", "pulse-oximeter", data_dir=server.data_dir)
    made = here("backup", tmp_path / "backup", data_dir=server.data_dir)
    other = pristine.parent / "restored"
    restored = here("restore", tmp_path / "backup", data_dir=other)
    assert restored["rows"] == made["rows"]
    assert "pi-kept" in {each["device_id"] for each in here("device", "list", data_dir=other)}
    with pytest.raises(RestoreFailed, match="--replace"):
        here("restore", tmp_path / "backup", data_dir=server.data_dir)


def test_subscriptions_are_shown_held_back_and_turned_off(here, server):
    header = "Authorization: Bearer canary-of-an-endpoint"
    channel = {"type": "rest-hook", "endpoint": "https://127.0.0.1/canary", "header": [header]}
    asked = {"resourceType": "Subscription", "id": "shown", "status": "off", "reason": "test"}
    asked |= {"criteria": "Patient?gender=male"}
    client = Client(server.url, TOKEN)
    asyncio.run(client.put({**asked, "status": "requested", "channel": {"type": "websocket"}})).wanted(201)
    asyncio.run(client.put({**asked, "id": "rests", "channel": channel})).wanted(201)
    listed = {one["id"]: one for one in here("subscription", "list", data_dir=server.data_dir)}
    assert "canary" not in json.dumps(listed)
    assert listed["shown"] == {
        "id": "shown",
        "owner": "|static-token",
        "channel": "websocket",
        "state": "active",
        "numbered": 0,
        "delivered": None,
        "error": None,
    }
    assert (listed["rests"]["state"], listed["rests"]["delivered"]) == ("off", 0)
    assert here("subscription", "set-aside", data_dir=server.data_dir) == []
    assert here("subscription", "off", "shown", data_dir=server.data_dir) == {"off": ["shown"]}
    with pytest.raises(OperatorError, match="not off"):
        here("subscription", "off", "shown", data_dir=server.data_dir)
    assert here("subscription", "pause", data_dir=server.data_dir) == {"notifications": "paused"}
    assert here("subscription", "resume", data_dir=server.data_dir) == {"notifications": "sent"}


def test_the_demonstration_shows_readings(data_dir):
    demo = Process("demo", "--port", "0", data_dir=data_dir)
    events = {event["event"]: event for event in (demo.line() for _ in range(6))}
    assert demo.end(signal.SIGINT) == 0
    assert events["ecg"]["statuses"] == ["created"]
    assert {each["role"] for each in events["people"]["users"]} == {"admin", "practitioner", "patient"}
    assert events["reading"]["status"] == 200
    assert any("59408-5" in line or "85354-9" in line for line in events["reading"]["made"])


async def test_the_demonstration_finds_its_ward_again(server, tmp_path):
    client = Client(server.url, TOKEN)
    first, second = [
        (
            await ward.patients(client),
            await ward.devices(client, tmp_path),
            await ecg(client, "demo-ecg", "p1"),
        )
        for _ in range(2)
    ]
    assert first[:2] == second[:2]
    assert [each.statuses for each in (first[2], second[2])] == [("created",), ("seen",)]
    (tmp_path / "demo-devices.json").unlink()
    renewed = await ward.devices(client, tmp_path)
    assert [each.name for each in renewed] == [each.name for each in first[1]]
    assert {each.secret for each in renewed}.isdisjoint(each.secret for each in first[1])


async def test_the_demonstration_makes_its_people_once_and_tells_their_passwords_once(server):
    client = Client(server.url, TOKEN)
    await ward.patients(client)
    first, again = await people(client), await people(client)
    assert len({each.password for each in first} - {None}) == len(first) == 3
    assert [each.password for each in again] == [None, None, None]
    kept = (await client.get("/api/users/demo-ada")).wanted(200).body
    assert kept["fhir_user"] == "Patient/p1"
    assert kept["one_time_password_until"] is not None
    assert await app(client) == await app(client) == "vitals"


def test_a_sweep_says_what_nothing_names(here, data_dir):
    nothing = {"contents": 0, "bytes": 0}
    assert here("blobs", "sweep", "--pretend", data_dir=data_dir) == {**nothing, "deleted": False}
    assert here("blobs", "sweep", data_dir=data_dir) == {**nothing, "deleted": True}


def test_people_are_added_changed_disabled_and_given_other_passwords(here, server, monkeypatch):
    added = here("user", "add", "Anna", "--role", "admin", data_dir=server.data_dir)
    assert (added["name"], added["role"], added["status"]) == ("anna", "admin", "active")
    again = here("user", "reset", "anna", data_dir=server.data_dir)
    assert again["one_time_password"] not in (None, added["one_time_password"])
    changed = here("user", "change", "anna", "--auditor", data_dir=server.data_dir)
    assert (changed["auditor"], changed["role"]) == (True, "admin")
    assert here("user", "revoke-apps", "anna", data_dir=server.data_dir)["status"] == "active"
    assert here("user", "disable", "anna", data_dir=server.data_dir)["status"] == "disabled"
    assert here("user", "enable", "anna", data_dir=server.data_dir)["status"] == "active"
    monkeypatch.setattr("sys.stdin", io.StringIO("tiger lamp seven boat\n"))
    chosen = here("user", "add", "bob", "--role", "admin", "--password-stdin", data_dir=server.data_dir)
    assert chosen["one_time_password"] is None
    names = [each["name"] for each in here("user", "list", data_dir=server.data_dir)]
    assert {"anna", "bob"} <= set(names)
