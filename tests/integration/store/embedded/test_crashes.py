"""Killed owners and killed postmasters: back within ten seconds, and nothing committed is lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from fhir_server.store.embedded import Embedded
from tests.integration.store.embedded.conftest import (
    SMALL,
    Own,
    answers,
    count_rows,
    eventually,
    is_alive,
    write_rows,
)

TEN_SECONDS = 10.0


def test_postgresql_ends_with_a_killed_owner(own: Own, data_dir: Path, identity: str):
    owner = own(data_dir, identity)
    owner.process.kill()

    eventually(lambda: not is_alive(owner.postmaster))


def test_the_next_owner_has_all_rows_within_ten_seconds_of_a_kill(own: Own, data_dir: Path, identity: str):
    first = own(data_dir, identity)
    write_rows(first.url)
    busy = kept_busy(first.url)
    first.process.kill()
    first.process.wait()
    started = time.monotonic()
    second = own(data_dir, identity)
    busy.join()

    assert second.refusal == ""
    assert count_rows(second.url) == 100
    assert time.monotonic() - started < TEN_SECONDS


def test_the_folder_of_a_killed_owner_s_socket_does_not_stay(own: Own, data_dir: Path):
    first = own(data_dir)
    folder = Path(socket_folder(first.url))
    first.process.kill()
    first.process.wait()
    second = own(data_dir)
    second.stop()

    assert not folder.exists()


def test_a_killed_postmaster_is_replaced_within_ten_seconds_at_the_same_address(
    own: Own, data_dir: Path, identity: str
):
    owner = own(data_dir, identity)
    write_rows(owner.url)
    busy = kept_busy(owner.url)
    with psycopg.connect(owner.url, autocommit=True) as idle:
        backends = idle.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchall()
        os.kill(owner.postmaster, signal.SIGKILL)
        started = time.monotonic()
        eventually(lambda: answers(owner.url))
        took = time.monotonic() - started
    busy.join()

    assert count_rows(owner.url) == 100
    assert took < TEN_SECONDS
    assert len(backends) == 2
    assert not any(is_alive(pid) for (pid,) in backends)


def test_a_start_after_everything_was_killed_but_a_backend_has_all_rows(
    own: Own, data_dir: Path, identity: str
):
    first = own(data_dir, identity)
    write_rows(first.url)
    with psycopg.connect(first.url) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        first.process.send_signal(signal.SIGSTOP)
        os.kill(first.postmaster, signal.SIGKILL)
        first.process.kill()
        first.process.wait()
        started = time.monotonic()
        second = own(data_dir, identity)

    assert second.refusal == ""
    assert count_rows(second.url) == 100
    assert not is_alive(backend)
    assert time.monotonic() - started < TEN_SECONDS


def test_a_stopped_backend_does_not_outlive_its_postmaster(own: Own, data_dir: Path):
    owner = own(data_dir)
    with psycopg.connect(owner.url) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        os.kill(owner.postmaster, signal.SIGKILL)
        eventually(lambda: answers(owner.url))

        assert not is_alive(backend)


def test_a_postmaster_is_replaced_as_often_as_it_dies(data_dir: Path):
    with Embedded(data_dir, settings=SMALL) as embedded:
        for _ in range(3):
            dead = embedded.pid
            assert dead is not None
            os.kill(dead, signal.SIGKILL)
            eventually(lambda dead=dead: embedded.pid not in {None, dead} and answers(embedded.url))


def test_a_killed_backend_takes_nobody_s_rows_with_it(data_dir: Path):
    with Embedded(data_dir, settings=SMALL) as embedded:
        write_rows(embedded.url)
        with psycopg.connect(embedded.url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        eventually(lambda: answers(embedded.url))

        assert count_rows(embedded.url) == 100


def test_a_stop_while_postgresql_is_being_restarted_ends_it(data_dir: Path):
    embedded = Embedded(data_dir, settings=SMALL)
    embedded.start()
    assert embedded.pid is not None
    os.kill(embedded.pid, signal.SIGKILL)
    time.sleep(0.05)
    embedded.stop()

    assert not (data_dir / "pg" / "postmaster.pid").exists() or not is_claimed(data_dir)


def is_claimed(data_dir: Path) -> bool:
    return is_alive(int((data_dir / "pg" / "postmaster.pid").read_text().splitlines()[0]))


def test_a_claim_whose_number_is_somebody_else_s_by_now_does_not_hinder_a_start(data_dir: Path):
    """As after a reboot, or in a container that was started anew."""
    with Embedded(data_dir, settings=SMALL) as embedded:
        claim = (data_dir / "pg" / "postmaster.pid").read_text().splitlines()
        uid = (data_dir / "pg").stat().st_uid
        assert embedded.pid is not None
    stranger = subprocess.Popen(["sleep", "60"], user=uid if os.geteuid() == 0 else None)
    try:
        claim[0] = str(stranger.pid)
        (data_dir / "pg" / "postmaster.pid").write_text("\n".join(claim) + "\n")
        with Embedded(data_dir, settings=SMALL) as embedded:
            assert answers(embedded.url)
        assert is_alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


def test_a_short_claim_from_a_full_disk_does_not_hinder_a_start(data_dir: Path):
    (data_dir / "pg" / "postmaster.pid").write_text("")

    with Embedded(data_dir, settings=SMALL) as embedded:
        assert answers(embedded.url)


def test_an_interrupted_start_leaves_nothing_running(data_dir: Path):
    """Interrupted as soon as it has taken the folder, which is before PostgreSQL is ready."""
    script = (
        "import signal, sys\nfrom pathlib import Path\nfrom fhir_server.store.embedded import Embedded\n"
        "embedded = Embedded(Path(sys.argv[1])); embedded.start()\n"
        "try: signal.pause()\n"  # where this test was slower than the start
        "finally: embedded.stop()"
    )
    process = subprocess.Popen([sys.executable, "-c", script, data_dir], stderr=subprocess.DEVNULL)
    eventually((data_dir / "owner.json").exists)
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=10) == -signal.SIGINT
    eventually(lambda: not (data_dir / "pg" / "postmaster.pid").exists(), seconds=5)
    with Embedded(data_dir, settings=SMALL) as again:
        assert answers(again.url)


def test_postgresql_ends_with_an_owner_that_forgot_to_stop_it(data_dir: Path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom fhir_server.store.embedded import Embedded\n"
        "embedded = Embedded(Path(sys.argv[1])); embedded.start(); print(embedded.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, data_dir], capture_output=True, text=True, check=True
    )

    eventually(lambda: not is_alive(int(done.stdout)))


def kept_busy(url: str) -> threading.Thread:
    """A thread whose backend computes until it is ended; the connection is the thread's alone."""
    working = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as connection, suppress(psycopg.Error):
            working.set()
            connection.execute("SELECT count(*) FROM generate_series(1, 1000000000)")

    thread = threading.Thread(target=work)
    thread.start()
    assert working.wait(10)
    time.sleep(0.1)
    return thread


def socket_folder(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["host"])
