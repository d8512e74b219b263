"""The guard over the logs: what the suite's servers logged is of known shape, line by line, and gives nothing away.

docs/operations.md, "Logs"

Every server that a test starts, in its own process or as another one, appends to a file in one folder; when the suite
ends, every line of every file is read. A line with an unknown key, a value of another shape than its key allows, or
anything that the tests sent as a secret or as clinical content fails the run.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import orjson
import pytest

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.rest.catalog import CATALOG
from ingest.files.formats import FORMATS
from ingest.gateway import DEVICE_READINGS, OMH, PHD, READINGS, VITALS, WEARABLES

FOLDER: Final = "FHIR_TEST_LOGS"
CANARY: Final = "canary"
CANARY_DIGITS: Final = "1357911"
"""Stands in every string, and every number, that a test sends to see whether it comes out in a log."""

_SECRETS: Final = (CANARY, CANARY_DIGITS, "t" * 40, "s" * 32, "chalmers", "familie", "select ", "insert into")

_EVENTS: Final = frozenset(
    {
        "request",
        "audit waits to be sealed",
        "unexpected",
        "worker_died",
        "embedded_postgresql_died",
        "embedded_postgresql_restarted",
        "embedded_postgresql_not_restarted",
        "device secret unreadable",
        "signing keys unreadable",
        "device type missing",
        "signature refused",
        "answer not kept for copies of the request",
        "claim left to its lease",
        "readings taken in",
        "file taken in",
        "job failed",
        "job ended",
        "background waits for the database",
        "events wait to be numbered",
        "change set aside",
        "a duty of subscriptions failed",
        "another process numbers events now",
        "notification not taken",
        "notification left to its lease",
        "notifications left to their leases",
        "notification failed",
        "notifications wait to be sent",
        "notifications are paused, until: fhir-server subscription resume",
        "notifications are sent again",
        "events could not be told",
        "headers of a subscription unreadable",
        "subscription off",
        "A client sent what is no HTTP/1.1.",
    }
)
_REASONS: Final = {
    "headers",
    "unknown-device",
    "disabled-device",
    "signature",
    "stale",
    "no-secret",
    "api-key",
    "in-clear",
}
_INTERACTIONS: Final = {"other"} | {interaction.name for interaction in CATALOG}
_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ERROR: Final = re.compile(r"Unavailable|Conflict|RateLimited|TooCostly|[A-Z][A-Za-z]+Error")
_PLACE: Final = re.compile(r"[\w.<>-]+:\d+ [\w<>]+")


def _shaped(pattern: str) -> Callable[[object], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _one_of(known: set[str]) -> Callable[[object], bool]:
    return lambda value: value in known


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 10_000_000


_SHAPES: Final[dict[str, Callable[[object], bool]]] = {
    "level": _one_of({"debug", "info", "warning", "error", "critical"}),
    "timestamp": _shaped(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
    # What other libraries log are their templates, in which nothing has been filled in; numbers do not occur there.
    "event": lambda value: isinstance(value, str) and (value in _EVENTS or _is_template(value)),
    "logger": _shaped(r"[a-z_]+(\.[a-z_]+)*"),
    "exception": _shaped(r"[A-Za-z_]+(\.[A-Za-z_<>]+)*"),
    "places": lambda value: isinstance(value, list) and all(_PLACE.fullmatch(str(each)) for each in value),
    "request_id": _shaped(r"[0-9a-f]{16}|[A-Za-z0-9._-]{1,64}"),
    "method": _one_of(_METHODS),
    "interaction": _one_of(_INTERACTIONS),
    "type": _one_of({"", *RESOURCE_TYPES}),
    "status": lambda value: type(value) is int and -64 <= value < 600,
    "milliseconds": lambda value: type(value) in {int, float} and value >= 0,
    "device": lambda value: value is None or _UUID.fullmatch(str(value)) is not None,
    "reason": lambda value: (
        value in _REASONS
        or _ERROR.fullmatch(str(value)) is not None
        or str(value).startswith(("The embedded PostgreSQL ", "Processes "))
    ),
    "device_type": _shaped(r"[a-z0-9]+(-[a-z0-9]+)*"),
    "transport": _one_of(
        {each.transport for each in (READINGS, DEVICE_READINGS, OMH, PHD, VITALS, WEARABLES)}
    ),
    "format": _one_of({each.name for each in FORMATS}),
    "created": _is_count,
    "unchanged": _is_count,
    "amended": _is_count,
    "rejected": _is_count,
    "subscription": _is_count,
    "attempts": _is_count,
    "state": _one_of({"requested", "active", "error", "off"}),
    "pid": _is_count,
    "key_id": _is_count,
    "error": _shaped(rf"Key \d+ of Device/{_UUID.pattern} cannot be decrypted\. [A-Za-z ,`-]+\."),
}

_POSTGRESQL: Final = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC \[\d+\] (LOG|FATAL|PANIC):  [^'\n]*(\"[^\"]*\")?[^'\n]*"
)


def violations(line: bytes) -> list[str]:
    """What is wrong with a log line; nothing, if it is one that may be written."""
    if found := _given_away(line.decode("utf-8", "replace")):
        return [f"gives away {found!r}"]
    try:
        tree = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ["is not JSON"]
    if not isinstance(tree, dict):
        return ["is no JSON object"]
    missing = [f"has no {key}" for key in ("event", "level", "timestamp") if key not in tree]
    unknown = [f"has the unknown key {key!r}" for key in tree if key not in _SHAPES]
    misshapen = [
        f"{key} is {value!r}" for key, value in tree.items() if key in _SHAPES and not _SHAPES[key](value)
    ]
    return missing + unknown + misshapen


def postgresql_violations(line: str) -> list[str]:
    """What is wrong with a line of PostgreSQL's own log: it tells of the database, never of a statement or a row."""
    if found := _given_away(line):
        return [f"gives away {found!r}"]
    return [] if _POSTGRESQL.fullmatch(line) else ["is not a line about the database itself"]


def keep(folder: Path, name: str) -> None:
    """Nothing; the logs below a server's `folder`, which will go, are read when the suite ends."""
    if FOLDER not in os.environ:
        return
    target = Path(os.environ[FOLDER])
    for number, path in enumerate(sorted(folder.glob("**/pg/log/*.log"))):
        shutil.copyfile(path, target / f"{name}-{number}.postgresql")
    for number, path in enumerate(sorted(folder.glob("*.jsonl"))):
        shutil.copyfile(path, target / f"{name}-{number}.jsonl")


def faults(folder: Path) -> Iterator[str]:
    """Every line below `folder` that should not have been written, and why."""
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            for violation in violations(line):
                yield f"{path.name}, line {number} {violation}: {line[:500].decode(errors='replace')}"
    for path in sorted(folder.glob("*.postgresql")):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for violation in postgresql_violations(line):
                yield f"{path.name}, line {number} {violation}: {line[:500]}"


def pytest_configure(config: pytest.Config) -> None:
    """From here on the servers of this process, and of those it starts, log to a file of the guarded folder."""
    if not hasattr(config, "workerinput"):
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="fhir-test-logs-")
    name = f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.jsonl"
    os.environ["FHIR_LOG_FILE"] = str(Path(os.environ[FOLDER]) / name)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Reads every line, once all tests are done; the run fails when one gives something away."""
    if hasattr(session.config, "workerinput"):
        return
    folder = Path(os.environ.pop(FOLDER))
    os.environ.pop("FHIR_LOG_FILE", None)
    found = list(faults(folder))
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{len(found)} lines must not stand in a log:", *found[:50], sep="\n  ")
    shutil.rmtree(folder, ignore_errors=True)


def _given_away(text: str) -> str | None:
    folded = text.lower()
    return next((secret for secret in _SECRETS if secret in folded), None)


def _is_template(value: str) -> bool:
    return len(value) <= 200 and re.search(r"\d|https?:|[{}\[\]|=]", value) is None
