"""Every command that works on the database leaves a record in its audit.

docs/adr/0019-audit.md
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.models import CommandInfo

if TYPE_CHECKING:
    from fhir_server.audit.record import Outcome, Record
    from fhir_server.store.database import Database

_NAMED: Final = ("name", "device", "client", "user", "number", "id")
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Invoked:
    """The command that runs: its words (`key rotate`), and what it was given by the names of its parameters."""

    words: str
    given: Mapping[str, object]


_RUNNING: Final = ContextVar[Invoked | None]("fhir_server.cli.running", default=None)


def tell_what_runs(commands: typer.Typer) -> None:
    """Nothing; each of the commands, those of groups too, is known while it runs."""
    for one in commands.registered_commands:
        one.callback = _known("", one)
    for group in commands.registered_groups:
        for one in group.typer_instance.registered_commands if group.typer_instance else ():
            one.callback = _known(f"{group.name} ", one)


# Any: what commands take and return is theirs, and Typer reads it from their signatures
def _known(group: str, command: CommandInfo) -> Callable[..., Any]:
    callback = command.callback
    assert callback is not None
    words = group + (command.name or callback.__name__)

    @wraps(callback)
    def known(**given: Any) -> Any:
        before = _RUNNING.set(Invoked(words, given))
        try:
            return callback(**given)
        finally:
            _RUNNING.reset(before)

    return known


@asynccontextmanager
async def recorded(database: "Database", *, wanted: bool) -> AsyncIterator[None]:
    """What is done in it is recorded, as having succeeded or failed. Raises Unavailable when it cannot be."""
    from fhir_server.audit.record import FAILED, SUCCESS
    from fhir_server.store.audit.kept import KeptAudit

    command = _RUNNING.get()
    if command is None or not wanted:
        yield
        return
    audit = KeptAudit(database)
    try:
        yield
    except BaseException:
        await audit.keep([_record(command, FAILED)])
        raise
    await audit.keep([_record(command, SUCCESS)])


def _record(command: Invoked, outcome: "Outcome") -> "Record":
    """The command's name and what it was about; no other of its words, which may be secrets."""
    from fhir_server.audit.record import Agent, Record

    words = command.words.split()
    found = next((command.given[name] for name in _NAMED if command.given.get(name) is not None), "")
    return Record(
        "administration",
        "-".join(words),
        outcome,
        Agent("command"),
        type=words[0].capitalize(),
        id="".join(filter(str.isprintable, str(found)[:_LONGEST])),
    )
