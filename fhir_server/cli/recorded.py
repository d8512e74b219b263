"""Every command that works on the database leaves a record in its audit.

docs/adr/0019-audit.md
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from fhir_server.audit.record import Outcome, Record
    from fhir_server.store.database import Database

_NAMED: Final = ("name", "device", "client", "user", "number", "id")
_LONGEST: Final = 64


@asynccontextmanager
async def recorded(database: "Database", *, wanted: bool) -> AsyncIterator[None]:
    """What is done in it is recorded, as having succeeded or failed. Raises Unavailable when it cannot be."""
    from fhir_server.audit.record import FAILED, SUCCESS
    from fhir_server.store.audit.kept import KeptAudit

    command = click.get_current_context(silent=True)
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


def _record(command: click.Context, outcome: "Outcome") -> "Record":
    """The command's name and what it was about; no other of its words, which may be secrets."""
    from fhir_server.audit.record import Agent, Record

    words = command.command_path.split()[1:]
    found = next((command.params[name] for name in _NAMED if command.params.get(name) is not None), "")
    return Record(
        "administration",
        "-".join(words),
        outcome,
        Agent("command"),
        type=words[0].capitalize() if words else "",
        id=str(found)[:_LONGEST],
    )
