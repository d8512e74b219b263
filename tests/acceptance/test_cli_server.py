"""`fhir-server serve`: one owner, its workers, and tools beside it, as real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import psutil
import pytest

from fhir_server.demo.ecg import recording
from fhir_server.errors import OperatorError
from tests.acceptance.command_line import ROOT, TOKEN, answer, command, environment, eventually

pytestmark = pytest.mark.xdist_group("command-line")


def _alive(processes):
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_serve_says_in_one_line_of_json_where_it_is(server):
    said = server.said
    assert said["fhir"] == f"{said['url']}/fhir"
    assert (said["pid"], said["workers"], said["auth"]) == (server.process.pid, 2, "on")
    assert server.get("/ready")[0] == 200


def test_a_client_without_the_token_is_refused(server):
    assert server.get("/fhir/Patient", token="another")[0] == 401


def test_a_device_added_while_a_server_runs_can_send_at_once_as_the_examples_show(server):
    device = answer(
        *("device", "add", "pi-001", "--type", "pulse-oximeter", "--patient", "asked"),
        data_dir=server.data_dir,
    )
    assert device["device_id"] == "pi-001"
    assert device.keys() >= {"device_id", "secret", "device"}
    status, resource = server.get(f"/fhir/{device['device']}")
    assert status == 200
    assert resource["id"] != "pi-001"
    assert resource["identifier"][0]["value"] == "pi-001"
    env = environment(DEVICE_ID="pi-001", DEVICE_SECRET=device["secret"])
    sent = subprocess.run(
        [ROOT / "examples" / "send_reading.sh", server.url],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr + sent.stdout
    (result,) = json.loads(sent.stdout)["results"]
    assert result["status"] == "created"
    latest = subprocess.run(
        [sys.executable, ROOT / "examples" / "latest_saturation.py", server.url, "asked"],
        env=environment(FHIR_TOKEN=TOKEN),
        capture_output=True,
        text=True,
        check=True,
    )
    assert latest.stdout.split()[1:] == ["97", "%"]


def test_the_python_example_sends_a_blood_pressure(server):
    device = answer(
        *("device", "add", "cuff-1", "--type", "blood-pressure", "--patient", "p1"), data_dir=server.data_dir
    )
    env = environment(DEVICE_ID="cuff-1", DEVICE_SECRET=device["secret"])
    sent = subprocess.run(
        [sys.executable, ROOT / "examples" / "send_reading.py", server.url],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["results"][0]["status"] == "created"


def test_the_file_example_sends_an_ecg_and_says_what_became_of_it(server):
    answer(*("device", "add", "ecg-7", "--type", "ecg-monitor"), data_dir=server.data_dir)
    sent = subprocess.run(
        [sys.executable, ROOT / "examples" / "send_file.py", server.url, recording(), "--device", "ecg-7",
         "--patient", "p1"],
        env=environment(FHIR_TOKEN=TOKEN), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    (file,) = json.loads(sent.stdout)["files"]
    assert (file["format"], file["created"], file["rejected"]) == ("dicom-ecg", 1, 0)
    assert any(reference.startswith("DiagnosticReport/") for reference in file["references"])


def test_the_file_example_says_why_a_file_was_refused(server):
    sent = subprocess.run(
        [sys.executable, ROOT / "examples" / "send_file.py", server.url, recording(), "--device", "nobodys"],
        env=environment(FHIR_TOKEN=TOKEN), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert sent.returncode == 1
    assert "nobodys" in sent.stderr


def test_a_device_of_ones_own_goes_from_its_file_to_stored_observations_as_the_example_shows(server):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "own_device.py", server.url],
        env=environment(FHIR_TOKEN=TOKEN),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["Heart rate 61.5 beats/minute", "Body temperature 36.78 °C"]


def test_a_second_server_on_the_same_data_folder_is_refused_with_the_owners_pid(server):
    second = command(
        *("serve", "--port", "0"),
        data_dir=server.data_dir,
        env={"FHIR_TOKEN": "another-token-of-32-characters-x"},
    )
    assert second.returncode == 1
    assert str(server.process.pid) in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    assert server.get("/ready")[0] == 200


def test_a_killed_worker_is_replaced_and_the_others_answer_meanwhile(server):
    victim = server.workers()[0].pid
    os.kill(victim, signal.SIGKILL)
    assert server.get("/health")[0] == 200
    eventually(lambda: len(server.workers()) == 2 and victim not in {each.pid for each in server.workers()})


def test_metrics_are_counted_across_the_workers(server):
    asked = urllib.request.Request(f"{server.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked) as answered:
        assert b"# TYPE" in answered.read()


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (["--auth", "off", "--host", "0.0.0.0"], {}, "loopback"),
        (["--port", "1"], {"FHIR_TOKEN": "too short to be let in"}, "FHIR_TOKEN"),
        ([], {"FHIR_POOL_SIZE": "many", "FHIR_TOKEN": TOKEN}, "FHIR_POOL_SIZE"),
    ],
)
def test_serve_refuses_what_would_be_unsafe_or_wrong_in_one_line(
    here, monkeypatch, tmp_path, arguments, env, said
):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OperatorError, match=said) as refused:
        here("serve", *arguments, data_dir=tmp_path / "never")
    assert "\n" not in str(refused.value)
    assert "too short to be let in" not in str(refused.value)
    assert not (tmp_path / "never").exists()


def test_serve_says_that_a_port_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = command("serve", "--port", port, data_dir=tmp_path / "never", env={"FHIR_TOKEN": TOKEN})
    assert refused.returncode == 1
    assert f"Port {port}" in refused.stderr
    assert "--port 0" in refused.stderr
