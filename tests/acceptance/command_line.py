"""The command line as a person or a script uses it: real processes on a data folder of their own.

README.md
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "acceptance-token-of-32-characters"
PROGRAM = [sys.executable, "-c", "from fhir_server.cli import app; app()"]


def environment(**more):
    """This process's environment without settings, so that a test says all that counts."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FHIR_") and k != "DATABASE_URL"}
    return {**kept, **more}


def command(*arguments, data_dir=None, env=None, cwd=None):
    """What came of a command, whatever it was."""
    words = [*PROGRAM, *map(str, arguments), *(["--data-dir", str(data_dir)] if data_dir else [])]
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment(**(env or {})),
        cwd=cwd or "/",
    )


def answer(*arguments, data_dir, **options):
    """What a command printed as JSON; it must have succeeded."""
    done = command(*arguments, "--json", data_dir=data_dir, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Process:
    """A command that goes on running and prints JSON lines."""

    def __init__(self, *arguments, data_dir, **env):
        self.process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments), "--json", "--data-dir", str(data_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(FHIR_TOKEN=TOKEN, FHIR_LOG_LEVEL="error", **env),
            cwd="/",
        )

    def line(self, patience=60):
        """The next line, as JSON."""
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        text = self.process.stdout.readline() if ready else b""
        if not text:
            self.process.kill()
            raise AssertionError(f"nothing came; stderr: {self.process.communicate()[1].decode()[-2000:]}")
        return json.loads(text)

    def end(self, number=signal.SIGTERM, patience=30):
        """The exit status after a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=patience)
        return self.process.returncode


class Server(Process):
    """A running server."""

    def __init__(self, data_dir, *arguments, **env):
        super().__init__("serve", "--port", "0", *arguments, data_dir=data_dir, **env)
        self.said = self.line()
        self.url = self.said["url"]
        self.data_dir = Path(self.said["data_dir"])

    def get(self, path, token=TOKEN):
        """Status and JSON of a GET; status 0 when nobody answers."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, None

    def workers(self):
        """The worker processes."""
        children = psutil.Process(self.process.pid).children()
        return [each for each in children if _is_worker(each)]


def _is_worker(process):
    try:
        return "fhir_server.serve.worker" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def eventually(condition, patience=10.0):
    """Seconds until `condition()` was true; AssertionError when it did not become so."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > patience:
            raise AssertionError(f"not within {patience} seconds")
        time.sleep(0.05)
    return time.monotonic() - started
