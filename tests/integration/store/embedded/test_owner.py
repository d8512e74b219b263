"""An owner starts, serves, refuses others and stops; as root and as a user."""

import os
import threading
import time
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from fhir_server.store.embedded import AlreadyRunning, Embedded, NotRunning, OtherMajorVersion, StartFailed
from tests.integration.store.embedded.conftest import (
    SMALL,
    Own,
    answers,
    count_rows,
    is_alive,
    write_rows,
)


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return row[0]


def test_a_database_is_made_in_a_new_folder_and_its_address_works_for_both_drivers(
    own: Own, folder: Path, identity: str
):
    url = own(folder / "deep" / "new", identity).url

    with psycopg.connect(url) as connection:
        sql = "SELECT current_user, datcollate, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'fhir'"
        assert connection.execute(sql).fetchone() == ("fhir", "C", "UTF8")
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT current_database()")) == "fhir"
    engine.dispose()


def test_what_was_committed_is_there_after_a_stop_and_a_start(own: Own, data_dir: Path, identity: str):
    first = own(data_dir, identity)
    write_rows(first.url)
    first.stop()

    assert not is_alive(first.postmaster)
    assert count_rows(own(data_dir, identity).url) == 100


def test_the_server_listens_on_a_private_socket_and_on_no_network(own: Own, data_dir: Path, identity: str):
    url = own(data_dir, identity).url
    folder = Path(setting(url, "unix_socket_directories").strip('"'))

    assert setting(url, "listen_addresses") == ""
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_role_is_no_superuser_and_its_password_stands_nowhere_but_in_its_file(own: Own, data_dir: Path):
    url = own(data_dir).url
    password = (data_dir / "password").read_text().rstrip().rpartition(":")[2]
    said = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if is_readable(path))

    assert setting(url, "is_superuser") == "off"
    assert (data_dir / "password").stat().st_mode & 0o777 == 0o600
    assert password not in url
    assert password.encode() not in said


def is_readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_a_wrong_password_is_refused(own: Own, data_dir: Path, folder: Path):
    url = own(data_dir).url
    wrong = folder / "wrong"
    wrong.write_text("*:*:*:fhir:guess\n")
    wrong.chmod(0o600)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url, passfile=str(wrong))


def test_a_second_owner_is_refused_and_told_who_the_first_is(own: Own, data_dir: Path, identity: str):
    first = own(data_dir, identity)
    started = time.monotonic()
    second = own(data_dir, identity)

    assert second.refusal.startswith("AlreadyRunning: ")
    assert f"in use by process {first.pid} (a server)" in second.refusal
    assert "--data-dir" in second.refusal
    assert time.monotonic() - started < 5
    assert answers(first.url)


def test_a_server_waits_for_a_command_that_owns_the_folder(own: Own, data_dir: Path):
    command = own(data_dir, role="command")
    threading.Timer(0.5, command.stop).start()

    with Embedded(data_dir, settings=SMALL) as embedded:
        assert answers(embedded.url)


def test_a_server_gives_up_on_a_command_that_does_not_end(own: Own, data_dir: Path):
    command = own(data_dir, role="command")

    with pytest.raises(AlreadyRunning, match=rf"process {command.pid} \(a command\)"):
        Embedded(data_dir, owner_patience=0.2).start()


def test_settings_of_the_caller_apply(data_dir: Path):
    with Embedded(data_dir, settings={**SMALL, "work_mem": "3MB"}) as embedded:
        assert setting(embedded.url, "work_mem") == "3MB"
        assert setting(embedded.url, "fsync") == "off"
        assert setting(embedded.url, "synchronous_commit") == "on"


def test_settings_cannot_open_the_server_to_the_network(data_dir: Path):
    with Embedded(data_dir, settings={**SMALL, "listen_addresses": "*"}) as embedded:
        assert setting(embedded.url, "listen_addresses") == ""


def test_an_operator_s_own_settings_file_is_kept(data_dir: Path):
    (data_dir / "pg" / "postgresql.local.conf").write_text("work_mem = 7MB\n")
    (data_dir / "pg" / "postgresql.local.conf").chmod(0o644)

    with Embedded(data_dir, settings=SMALL) as embedded:
        assert setting(embedded.url, "work_mem") == "7MB"


def test_a_start_from_a_thread_that_ends_lasts(data_dir: Path):
    embedded = Embedded(data_dir, settings=SMALL)
    thread = threading.Thread(target=embedded.start)
    thread.start()
    thread.join()
    try:
        time.sleep(0.3)
        assert answers(embedded.url)
    finally:
        embedded.stop()


def test_a_stop_does_not_wait_for_clients_and_may_be_repeated(data_dir: Path):
    embedded = Embedded(data_dir, settings=SMALL)
    with psycopg.connect(embedded.start()) as connection:
        connection.execute("SELECT 1")
        pid = embedded.pid
        started = time.monotonic()
        embedded.stop()
        embedded.stop()

        assert time.monotonic() - started < 5
        assert pid is not None
        assert not is_alive(pid)
        connection.close()


def test_there_is_no_address_before_the_start(data_dir: Path):
    with pytest.raises(NotRunning):
        _ = Embedded(data_dir).url


def test_a_stop_leaves_nothing_in_the_runtime_folder(data_dir: Path):
    with Embedded(data_dir, settings=SMALL) as embedded:
        folder = Path(setting(embedded.url, "unix_socket_directories").strip('"'))

    assert not folder.exists()
    assert not (data_dir / "owner.json").exists()


def test_a_cluster_of_another_major_version_is_refused_with_the_commands_to_run(data_dir: Path):
    (data_dir / "pg" / "PG_VERSION").write_text("17\n")

    with pytest.raises(OtherMajorVersion) as refusal:
        Embedded(data_dir).start()

    assert f"fhir-server backup --data-dir {data_dir} " in str(refusal.value)
    assert f"fhir-server restore --data-dir {data_dir}-18 " in str(refusal.value)


def test_a_refused_start_frees_the_folder(data_dir: Path):
    with pytest.raises(StartFailed, match="shared_buffers"):
        Embedded(data_dir, settings={"shared_buffers": "much"}).start()

    with Embedded(data_dir, settings=SMALL) as embedded:
        assert answers(embedded.url)


def test_an_unfinished_cluster_is_made_anew(folder: Path):
    (folder / "pg.new").mkdir()
    (folder / "pg.new" / "PG_VERSION").write_text("18\n")

    with Embedded(folder, settings=SMALL) as embedded:
        assert answers(embedded.url)


def test_a_lost_password_file_is_made_anew(data_dir: Path):
    with Embedded(data_dir, settings=SMALL) as embedded:
        write_rows(embedded.url)
    (data_dir / "password").unlink()

    with Embedded(data_dir, settings=SMALL) as embedded:
        assert count_rows(embedded.url) == 100


def test_the_log_of_the_database_quotes_no_value(data_dir: Path):
    secret = "Aloysius-1947"
    with Embedded(data_dir, settings=SMALL) as embedded, psycopg.connect(embedded.url) as connection:
        for sql in (f"SELECT '{secret}'::int", "SELECT %s::text::int", f"SELECT {secret}"):
            with pytest.raises(psycopg.Error):
                connection.execute(sql, [secret] if "%s" in sql else None)
            connection.rollback()
        connection.execute("DO $$ BEGIN RAISE WARNING 'Aloysius-1947'; END $$")
    said = "".join(path.read_text() for path in (data_dir / "pg" / "log").iterdir())

    assert "database system is ready" in said
    assert secret not in said


def test_the_environment_of_the_server_does_not_reach_postgresql(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FHIR_TOKEN", "a-secret-token")
    with Embedded(data_dir, settings=SMALL) as embedded:
        assert b"a-secret-token" not in Path(f"/proc/{embedded.pid}/environ").read_bytes()


def test_postgresql_is_in_no_process_group_that_a_terminal_interrupts(data_dir: Path):
    with Embedded(data_dir, settings=SMALL) as embedded:
        assert embedded.pid is not None
        assert os.getpgid(embedded.pid) != os.getpgid(0)
