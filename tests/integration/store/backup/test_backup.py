"""A backup is a consistent snapshot, whole or not at all; a restore is verified, or the database is as it was."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from fhir_server.store.backup import BackupFailed, RestoreFailed, backup, restore
from tests.integration.store.backup.conftest import NewDatabase, execute

SCHEMA = (
    "CREATE TABLE alembic_version (version_num text)",
    "INSERT INTO alembic_version VALUES ('0007')",
    "CREATE TABLE note (id int PRIMARY KEY, body jsonb, CHECK (id >= 0))",
    "CREATE STATISTICS note_statistics ON id, body FROM note",
    'CREATE SCHEMA "odd %s.name"',
    'CREATE TABLE "odd %s.name"."Table ""x%" (n int GENERATED ALWAYS AS IDENTITY, t text)',
    'INSERT INTO "odd %s.name"."Table ""x%" (t) VALUES (\'tab\tand\nline\'), (NULL)',
    "CREATE TABLE change_log (seq bigint GENERATED ALWAYS AS IDENTITY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), PRIMARY KEY (seq))",
    "INSERT INTO change_log (xid) VALUES ('9000000000'), ('9000000001')",
)
DECIMAL = 'INSERT INTO note VALUES (0, \'{"value": 1.00, "unit": "é"}\')'


def filled(url: str) -> str:
    execute(url, *SCHEMA, DECIMAL)
    return url


def test_a_restored_database_equals_the_one_backed_up(new_database: NewDatabase, folder: Path):
    source, target = filled(new_database()), new_database()
    made = backup(source, folder / "backup")
    restored = restore(target, folder / "backup")

    assert restored == made
    assert made.schema_revision == "0007"
    assert made.rows == {
        '"odd %s.name"."Table ""x%"': 2,
        "public.alembic_version": 1,
        "public.change_log": 2,
        "public.note": 1,
    }
    for query in (
        "SELECT * FROM alembic_version",
        "SELECT id, body::text FROM note",
        'TABLE "odd %s.name"."Table ""x%"',
    ):
        assert execute(target, query) == execute(source, query)
    assert execute(target, "SELECT count(*) FROM pg_statistic_ext WHERE stxname = 'note_statistics'") == [
        (1,)
    ]


def test_restored_changes_carry_the_number_of_the_restoring_transaction(
    new_database: NewDatabase, folder: Path
):
    backup(filled(new_database()), folder / "backup")
    target = new_database()
    before = int(execute(target, "SELECT pg_current_xact_id()::text")[0][0])
    restore(target, folder / "backup")
    numbers = {int(number) for (number,) in execute(target, "SELECT xid::text FROM change_log")}
    execute(target, "INSERT INTO change_log DEFAULT VALUES")

    assert len(numbers) == 1
    assert before < min(numbers) < int(execute(target, "SELECT pg_current_xact_id()::text")[0][0])
    assert execute(
        target, "SELECT bool_and(pg_visible_in_snapshot(xid, pg_current_snapshot())) FROM change_log"
    ) == [(True,)]


def test_a_backup_under_writers_is_one_snapshot(new_database: NewDatabase, folder: Path):
    """Two tables grow together: any backup must hold as many rows of one as of the other."""
    source, target = filled(new_database()), new_database()
    execute(source, "CREATE TABLE a_left (n int)", "CREATE TABLE z_right (n int)")
    done, written = threading.Event(), []

    def write() -> None:
        with psycopg.connect(source) as connection:
            while not done.is_set():
                connection.execute("INSERT INTO a_left SELECT generate_series(1, 50)")
                connection.execute("INSERT INTO z_right SELECT generate_series(1, 50)")
                connection.commit()
                written.append(50)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        while len(written) < 20:
            done.wait(0.01)
        made = backup(source, folder / "backup")
    finally:
        done.set()
        for writer in writers:
            writer.join()
    restore(target, folder / "backup")

    assert 1000 <= made.rows["public.a_left"] == made.rows["public.z_right"] < sum(written)
    assert execute(target, "SELECT count(*) FROM z_right") == [(made.rows["public.z_right"],)]


def test_a_backup_overwrites_nothing(on_embedded: NewDatabase, folder: Path):
    (folder / "backup").mkdir()

    with pytest.raises(BackupFailed, match="overwrites nothing"):
        backup(on_embedded(), folder / "backup")


def test_a_failed_backup_leaves_nothing_behind(on_embedded: NewDatabase, folder: Path):
    url = filled(on_embedded())

    def break_off(step: str, done: int, total: int | None) -> None:
        if step == "counting rows":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(url, folder / "backup", break_off)
    assert list(folder.iterdir()) == []


def test_a_database_that_is_away_is_said_to_be(folder: Path):
    with pytest.raises(BackupFailed, match="The database could not be read"):
        backup("postgresql://fhir@/fhir?host=/nowhere", folder / "backup")
    assert list(folder.iterdir()) == []


def test_a_backup_is_for_its_owner_alone(on_embedded: NewDatabase, folder: Path):
    backup(filled(on_embedded()), folder / "backup")

    assert (folder / "backup").stat().st_mode & 0o077 == 0


def test_a_database_with_tables_is_refused_and_kept(on_embedded: NewDatabase, folder: Path):
    source, target = filled(on_embedded()), filled(on_embedded())
    execute(target, "UPDATE alembic_version SET version_num = 'mine'")
    backup(source, folder / "backup")

    with pytest.raises(RestoreFailed, match=r"holds 4 tables already.*--replace"):
        restore(target, folder / "backup")
    assert execute(target, "TABLE alembic_version") == [("mine",)]


def test_a_database_with_tables_is_replaced_when_asked(on_embedded: NewDatabase, folder: Path):
    source, target = filled(on_embedded()), filled(on_embedded())
    execute(target, "UPDATE alembic_version SET version_num = 'mine'", "CREATE TABLE surplus (n int)")
    backup(source, folder / "backup")
    restore(target, folder / "backup", replace=True)

    assert execute(target, "TABLE alembic_version") == [("0007",)]
    assert execute(target, "SELECT to_regclass('surplus')") == [(None,)]


def test_a_replaced_database_can_be_backed_up_and_restored_again(new_database: NewDatabase, folder: Path):
    source, target, third = filled(new_database()), filled(new_database()), new_database()
    backup(source, folder / "first")
    restore(target, folder / "first", replace=True)
    backup(target, folder / "second")
    restore(third, folder / "second")

    assert execute(third, "TABLE alembic_version") == [("0007",)]


def test_a_database_in_use_is_refused(on_embedded: NewDatabase, folder: Path):
    backup(filled(on_embedded()), folder / "backup")
    target = on_embedded()

    with psycopg.connect(target), pytest.raises(RestoreFailed, match="1 other connections"):
        restore(target, folder / "backup")


def test_a_damaged_dump_is_refused(on_embedded: NewDatabase, folder: Path):
    backup(filled(on_embedded()), folder / "backup")
    dump = folder / "backup" / "database.dump"
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)

    with pytest.raises(RestoreFailed, match="changed or damaged"):
        restore(on_embedded(), folder / "backup")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 1}'])
def test_a_manifest_that_is_none_is_refused(on_embedded: NewDatabase, folder: Path, content: str):
    backup(filled(on_embedded()), folder / "backup")
    (folder / "backup" / "manifest.json").write_text(content)

    with pytest.raises(RestoreFailed, match="cannot be read"):
        restore(on_embedded(), folder / "backup")


def test_a_folder_that_is_no_backup_is_refused(on_embedded: NewDatabase, folder: Path):
    with pytest.raises(RestoreFailed, match="is not a backup"):
        restore(on_embedded(), folder)


def test_a_restore_with_other_counts_than_the_manifest_is_rolled_back(on_embedded: NewDatabase, folder: Path):
    backup(filled(on_embedded()), folder / "backup")
    target = filled(on_embedded())
    execute(target, "UPDATE alembic_version SET version_num = 'mine'")
    file = folder / "backup" / "manifest.json"
    described = json.loads(file.read_text())
    described["rows"]["public.note"] = 5
    file.write_text(json.dumps(described))

    with pytest.raises(RestoreFailed, match=r"public\.note holds 1 rows .* says 5"):
        restore(target, folder / "backup", replace=True)
    assert execute(target, "TABLE alembic_version") == [("mine",)]


def test_a_restore_that_breaks_off_is_rolled_back_and_quotes_no_row(on_embedded: NewDatabase, folder: Path):
    source, target = filled(on_embedded()), filled(on_embedded())
    execute(target, "UPDATE alembic_version SET version_num = 'mine'")
    lying = "CREATE FUNCTION lying(v text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN coalesce(current_setting('x.lie', true), '') = 'on'; END $$"
    execute(
        source,
        "SET x.lie = 'on'",
        lying,
        "CREATE TABLE person (name text CHECK (lying(name)))",
        "INSERT INTO person VALUES ('Aloysius')",
    )
    backup(source, folder / "backup")

    with pytest.raises(RestoreFailed, match=r"rolled back: .*\"person\"") as failure:
        restore(target, folder / "backup", replace=True)
    assert "Aloysius" not in str(failure.value)
    assert execute(target, "TABLE alembic_version") == [("mine",)]


def test_no_password_stands_on_a_command_line(on_embedded: NewDatabase, folder: Path):
    url = filled(on_embedded())
    passfile = psycopg.conninfo.conninfo_to_dict(url)["passfile"]
    password = Path(str(passfile)).read_text().strip().rpartition(":")[2]
    seen: list[bytes] = []

    with psycopg.connect(url) as holding:
        # pg_dump waits for this table until it has been looked at.
        holding.execute("LOCK TABLE note")

        def look(step: str, done: int, total: int | None) -> None:
            seen.extend(command_lines())
            if any(b"pg_dump" in words for words in seen):
                holding.rollback()

        backup(url.replace("fhir@", f"fhir:{password}@"), folder / "backup", look)

    assert not any(password.encode() in words for words in seen)


def command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_bytes()


def test_an_embedded_database_moves_to_an_older_server(
    on_embedded: NewDatabase, on_oldest: NewDatabase, folder: Path
):
    """From the embedded PostgreSQL 18 to an operator's own 15."""
    source, target = filled(on_embedded()), on_oldest()
    backup(source, folder / "backup")
    restore(target, folder / "backup")

    assert execute(target, "SELECT id, body::text FROM note") == execute(
        source, "SELECT id, body::text FROM note"
    )


def test_progress_is_told(on_embedded: NewDatabase, folder: Path):
    steps: list[str] = []
    backup(filled(on_embedded()), folder / "backup", lambda step, done, total: steps.append(step))
    restore(on_embedded(), folder / "backup", progress=lambda step, done, total: steps.append(step))

    assert list(dict.fromkeys(steps)) == ["dumping", "counting rows", "checking", "restoring", "analyzing"]


def test_the_environment_keeps_what_the_operator_set(monkeypatch: pytest.MonkeyPatch):
    from fhir_server.store.backup.programs import environment

    monkeypatch.setenv("PGSSLROOTCERT", "/etc/ca.pem")
    found = environment("postgresql://a:b%40c@db.example:5433/name?sslmode=verify-full")

    assert os.environ["PGSSLROOTCERT"] == found["PGSSLROOTCERT"]
    names = ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE", "PGSSLMODE")
    assert [found[name] for name in names] == ["a", "b@c", "db.example", "5433", "name", "verify-full"]
