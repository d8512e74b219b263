"""Command-line tools attach to a running owner, or own the folder for a moment."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fhir_server.store.embedded import Embedded, NotRunning, attach, connect_or_start
from tests.integration.store.embedded.conftest import SMALL, Own, answers, count_rows, is_alive, write_rows


def test_attaching_gives_the_owner_s_address(own: Own, data_dir: Path):
    owner = own(data_dir)

    assert attach(data_dir) == owner.url
    with connect_or_start(data_dir) as url:
        assert url == owner.url
    assert answers(owner.url)


def test_attaching_says_so_when_nobody_runs_the_folder(data_dir: Path):
    with pytest.raises(NotRunning, match="fhir-server serve"):
        attach(data_dir)


def test_attaching_makes_no_folder(folder: Path):
    with pytest.raises(NotRunning):
        attach(folder / "none")
    assert not (folder / "none").exists()


def test_attaching_after_a_kill_says_that_nobody_runs_the_folder(own: Own, data_dir: Path):
    owner = own(data_dir)
    owner.process.kill()
    owner.process.wait()

    with pytest.raises(NotRunning):
        attach(data_dir)


def test_attaching_waits_for_an_owner_that_is_starting(own: Own, folder: Path):
    """Making a new cluster takes a while."""
    found: list[str] = []
    data_dir = folder / "new"
    starter = threading.Thread(target=lambda: own(data_dir))
    starter.start()
    while not found:
        try:
            found.append(attach(data_dir))
        except NotRunning:
            time.sleep(0.01)
    starter.join()

    assert answers(found[0])


def test_a_tool_without_a_server_owns_the_folder_until_it_is_done(data_dir: Path):
    with connect_or_start(data_dir, settings=SMALL) as url:
        write_rows(url)
        assert attach(data_dir) == url
    with pytest.raises(NotRunning):
        attach(data_dir)
    with connect_or_start(data_dir, settings=SMALL) as url:
        assert count_rows(url) == 100


def test_a_temporary_owner_stays_until_the_tools_that_attached_are_done(data_dir: Path):
    tool = (
        "import sys, psycopg\nfrom pathlib import Path\nfrom fhir_server.store.embedded import connect_or_start\n"
        "with connect_or_start(Path(sys.argv[1])) as url:\n"
        "    print('attached', flush=True); sys.stdin.readline()\n"
        "    with psycopg.connect(url) as connection: print(connection.execute('SELECT 7').fetchone()[0])\n"
    )
    with connect_or_start(data_dir, settings=SMALL):
        process = subprocess.Popen(
            [sys.executable, "-c", tool, data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "attached\n"
        threading.Timer(0.5, lambda: process.stdin.write("go\n") and process.stdin.flush()).start()

    assert process.communicate(timeout=5)[0] == "7\n"


def test_many_tools_at_once_share_one_database(data_dir: Path):
    tool = (
        "import sys, psycopg\nfrom pathlib import Path\nfrom fhir_server.store.embedded import connect_or_start\n"
        "with connect_or_start(Path(sys.argv[1])) as url, psycopg.connect(url) as connection:\n"
        "    connection.execute('INSERT INTO kept VALUES (1)')\n"
    )
    with connect_or_start(data_dir, settings=SMALL) as url:
        write_rows(url)
    tools = [subprocess.Popen([sys.executable, "-c", tool, data_dir]) for _ in range(4)]

    assert [tool.wait(timeout=30) for tool in tools] == [0] * 4
    with connect_or_start(data_dir, settings=SMALL) as url:
        assert count_rows(url) == 104


def test_a_failing_tool_stops_the_database_it_started(data_dir: Path):
    pids: list[int] = []
    with pytest.raises(ZeroDivisionError), connect_or_start(data_dir, settings=SMALL):
        pids.append(int((data_dir / "pg" / "postmaster.pid").read_text().split()[0]))
        _ = 1 / 0

    assert not is_alive(pids[0])


def test_a_server_starts_when_the_tool_before_it_is_done(data_dir: Path):
    with connect_or_start(data_dir, settings=SMALL):
        pass
    with Embedded(data_dir, settings=SMALL) as embedded:
        assert answers(embedded.url)
