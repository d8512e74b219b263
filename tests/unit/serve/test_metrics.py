"""The folder of the workers' metrics."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fhir_server.serve.metrics import forget, metrics_folder


def test_the_folder_is_there_for_the_block_and_no_longer():
    with metrics_folder() as folder:
        assert folder.is_dir()
    assert not folder.exists()


def test_what_a_killed_server_left_behind_goes_and_a_living_ones_stays():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = Path(tempfile.mkdtemp(prefix=f"fhir-server-metrics-{ended.pid}-"))
    living = Path(tempfile.mkdtemp(prefix=f"fhir-server-metrics-{os.getppid()}-"))
    with metrics_folder():
        assert not left.exists()
        assert living.exists()
    living.rmdir()


def test_live_gauges_of_an_ended_worker_are_forgotten_and_counters_stay(tmp_path):
    for name in ("gauge_liveall_7.db", "counter_7.db", "gauge_liveall_8.db"):
        (tmp_path / name).touch()
    forget(tmp_path, 7)
    assert {path.name for path in tmp_path.iterdir()} == {"counter_7.db", "gauge_liveall_8.db"}
