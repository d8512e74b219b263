"""How PostgreSQL's programs are started, tried on a program that is none."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fhir_server.store.embedded.account import Account
from fhir_server.store.embedded.installation import Installation
from fhir_server.store.embedded.launcher import Launcher, opened


@dataclass(frozen=True, slots=True)
class Signals:
    """What becomes of a SIGINT to a process."""

    is_the_program: bool
    holds_back: bool
    catches: bool


def test_no_signal_to_shut_down_is_lost_in_the_script_that_becomes_the_program(tmp_path: Path):
    """Python catches SIGINT before it runs a script, and drops what comes in the wrong moment."""
    states = []
    with launched(tmp_path, "sleep") as program:
        while not (state := signals_of(program)).is_the_program:
            states.append(state)
        program.send_signal(signal.SIGINT)

        assert program.wait(5) == -signal.SIGINT
    assert len(states) > 10, "it was looked at while it was on its way"
    assert not any(state.catches and not state.holds_back for state in states)


def test_a_signal_to_shut_down_that_came_first_ends_the_script(tmp_path: Path):
    with launched(tmp_path, "sleep") as program:
        program.send_signal(signal.SIGINT)

        assert program.wait(5) == -signal.SIGINT


@contextmanager
def launched(folder: Path, program: str) -> Iterator[subprocess.Popen[bytes]]:
    """`program` for a minute, from where PostgreSQL's programs would be."""
    (folder / "bin").mkdir()
    shutil.copy(shutil.which(program) or program, folder / "bin")
    launcher = Launcher(Installation(folder), Account(os.geteuid(), os.getegid()))
    with opened(folder) as descriptor:
        process = launcher.started(descriptor, [program, "60"], subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def signals_of(process: subprocess.Popen[bytes]) -> Signals:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    ours = 1 << (signal.SIGINT - 1)
    return Signals(
        fields["Name"].strip() == "sleep",
        bool(int(fields["SigBlk"], 16) & ours),
        bool(int(fields["SigCgt"], 16) & ours),
    )
