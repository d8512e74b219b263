"""The cluster: made whole or not at all, of one major version, and told its settings at every start.

https://www.postgresql.org/docs/18/app-initdb.html
"""

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.failures import EmbeddedError, OtherMajorVersion, StartFailed
from fhir_server.store.embedded.installation import MAJOR
from fhir_server.store.embedded.launcher import Launcher, opened

ROLE = "fhir"
DATABASE = "fhir"
LOCAL_SETTINGS = "postgresql.local.conf"

_HBA = f"local all {ROLE} scram-sha-256\n"

# The application's role is no superuser: an injected statement cannot leave the database. The superuser has no
# password and no line in pg_hba.conf; it is reached in single-user mode only.
_SETUP = """\
CREATE ROLE {role} LOGIN CREATEDB PASSWORD '{password}'
GRANT pg_monitor TO {role}
CREATE DATABASE {database} OWNER {role}
"""

_SET_PASSWORD = "ALTER ROLE {role} PASSWORD '{password}'\n"  # noqa: S105 - a statement, not a password

_SINGLE_USER = ["postgres", "--single", "-c", "exit_on_error=on", "-c", "logging_collector=off", "postgres"]

_SETTINGS = {
    # A server of one machine that shares it with Python.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "200",
    "jit": "off",
    "random_page_cost": "1.1",
    # What was acknowledged is on disk; what a crash leaves to replay is seconds.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # pglz took a seventh of the database's CPU while readings came in: 80 µs a page, for a quarter of the log.
    "wal_compression": "off",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "5min",
    # Tables that mostly grow: statistics, visibility and freezing follow the inserts, not one fifth of a large table.
    "autovacuum_naptime": "20s",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_analyze_threshold": "500",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "1000",
    # The log tells of the database, never of patients: no statement, no parameter, no row. The text of an error can
    # quote a value, so errors go to the client alone ("log" stands above "error" in PostgreSQL's order of levels).
    "logging_collector": "on",
    "log_directory": "'log'",
    "log_filename": "'postgresql-%a.log'",
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    "log_file_mode": "0600",
    "log_line_prefix": "'%m [%p] '",
    "log_error_verbosity": "terse",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "'none'",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
}


def create_if_missing(directory: DataDirectory, launcher: Launcher) -> None:
    """Nothing; the cluster is there. StartFailed or EmbeddedError when it cannot be made."""
    if directory.cluster.exists():
        return
    if directory.unfinished_cluster.exists():
        shutil.rmtree(directory.unfinished_cluster)
    password = _new_password(directory)
    directory.unfinished_cluster.mkdir(mode=0o700)
    os.chown(directory.unfinished_cluster, launcher.account.uid, launcher.account.gid)
    with opened(directory.unfinished_cluster) as folder:
        options = [
            "--username=postgres",
            "--auth=reject",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
        ]
        launcher.run(folder, ["initdb", *options])
        text = _SETUP.format(role=ROLE, database=DATABASE, password=password)
        launcher.run(folder, _SINGLE_USER, text)
    directory.unfinished_cluster.rename(directory.cluster)
    _synced(directory.path)


def check(directory: DataDirectory, launcher: Launcher) -> None:
    """Nothing; OtherMajorVersion, or EmbeddedError when the cluster belongs to another account."""
    try:
        found = (directory.cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedError(
            f"{directory.cluster} is not a PostgreSQL cluster (it has no PG_VERSION). "
            "Restore it, or move it away: the next start makes an empty one."
        ) from None
    if found != str(MAJOR):
        raise OtherMajorVersion(
            f"{directory.cluster} was made by PostgreSQL {found}, and this server brings PostgreSQL {MAJOR}. "
            f"With the server version that made it run `fhir-server backup --data-dir {directory.path} fhir.backup`, "
            f"then with this one `fhir-server restore --data-dir {directory.path}-{MAJOR} fhir.backup`."
        )
    owner = directory.cluster.stat().st_uid
    if owner != launcher.account.uid:
        raise EmbeddedError(
            f"{directory.cluster} belongs to user {owner}, and PostgreSQL would run as user {launcher.account.uid}. "
            f"Give it back with `chown -R {launcher.account.uid}:{launcher.account.gid} {directory.cluster}`."
        )


def renew_lost_password(directory: DataDirectory, launcher: Launcher) -> None:
    """Nothing; the role has a password on file, a new one where the file was lost, as in a copy of the cluster alone."""
    if directory.passfile.exists():
        return
    password = _new_password(directory)
    try:
        with opened(directory.cluster) as folder:
            launcher.run(folder, _SINGLE_USER, _SET_PASSWORD.format(role=ROLE, password=password))
    except StartFailed:
        directory.passfile.unlink()
        raise


def configure(cluster: int, launcher: Launcher) -> None:
    """Nothing; the cluster's configuration files are as this version of the server wants them."""
    lines = [
        f"# Written at every start. Your own settings belong into {LOCAL_SETTINGS}, which overrides these."
    ]
    lines += [f"{name} = {value}" for name, value in _SETTINGS.items()]
    lines += [f"include '{LOCAL_SETTINGS}'", ""]
    _write(cluster, "postgresql.conf", "\n".join(lines), launcher)
    _write(cluster, "pg_hba.conf", _HBA, launcher)
    if LOCAL_SETTINGS not in os.listdir(cluster):
        _write(
            cluster, LOCAL_SETTINGS, "# Your own PostgreSQL settings; they outlast every start.\n", launcher
        )


def options(name: str, socket_folder: Path, port: int, settings: Mapping[str, str]) -> list[str]:
    """The command-line options that no configuration file may change, and those the caller gives."""
    fixed = {
        "cluster_name": name,
        "listen_addresses": "",
        "unix_socket_directories": f'"{socket_folder}"',
        "unix_socket_permissions": "0700",
        "port": str(port),
    }
    return [word for key, value in {**settings, **fixed}.items() for word in ("-c", f"{key}={value}")]


def _new_password(directory: DataDirectory) -> str:
    password = secrets.token_urlsafe(32)
    draft = directory.passfile.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"*:*:*:{ROLE}:{password}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(directory.passfile)
    return password


def _write(cluster: int, name: str, text: str, launcher: Launcher) -> None:
    # The folder belongs to another account when we are root: never follow a link that might have been put there.
    draft = f".{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=cluster)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600, dir_fd=cluster)
    with os.fdopen(descriptor, "w") as file:
        os.fchown(file.fileno(), launcher.account.uid, launcher.account.gid)
        file.write(text)
    os.replace(draft, name, src_dir_fd=cluster, dst_dir_fd=cluster)


def _synced(folder: Path) -> None:
    with opened(folder) as descriptor:
        os.fsync(descriptor)
