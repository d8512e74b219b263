"""`fhir-server deadletter`: readings that could not be stored, kept with their bytes and the reason.

https://www.enterpriseintegrationpatterns.com/patterns/messaging/DeadLetterChannel.html
"""

from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from ingest.answer import Result
    from ingest.ports import KeptLetter

app = typer.Typer(
    help="Look at readings that could not be stored and take them in again. Example: fhir-server deadletter list",
    no_args_is_help=True,
)

_PAGE = 500


@app.command("list")
def list_letters(
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, oldest first.")] = 100,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List the letters that wait, with the reason of each.

    Example: fhir-server deadletter list --limit 20
    """

    async def waiting(place: Workplace) -> "list[KeptLetter]":
        from fhir_server.store.devices.dead_letters import StoredDeadLetters

        return await StoredDeadLetters(place.database).waiting(limit=limit)

    rows = [_row(kept) for kept in with_database(settings(data_dir=data_dir), waiting)]
    if json:
        print_json(rows)
    else:
        columns = ("number", "device", "received", "times", "reason")
        print_table(columns, rows, empty="No dead letter waits.")


@app.command("show")
def show(number: int, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show a letter with its bytes as they came. They may be clinical: mind who looks on.

    Example: fhir-server deadletter show 12
    """

    async def found(place: Workplace) -> "KeptLetter":
        return await _letter(place, number)

    kept = with_database(settings(data_dir=data_dir), found)
    row = _row(kept) | {
        "issues": [
            {"code": issue.code, "element": issue.element, "text": issue.diagnostics}
            for issue in kept.letter.issues
        ],
        "stored_as": kept.references,
        "payload": kept.letter.payload.decode("utf-8", "backslashreplace"),
    }
    if json:
        print_json(row)
    else:
        say("\n".join(f"{name}: {value}" for name, value in row.items()))


@app.command("retry")
def retry(
    number: Annotated[int | None, typer.Argument(help="Which one; with --all, every one that waits.")] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every letter that waits.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Take letters in again, after what stood in their way was put right. Exits with 1 when one is rejected again.

    Example: fhir-server deadletter retry --all
    """
    if (number is None) is not all_:
        raise OperatorError("Say which: a letter's number, or --all.")

    async def retried(place: Workplace) -> "list[tuple[int, Result]]":
        letters = await _waiting(place) if number is None else [await _letter(place, number)]
        return [(kept.number, await _retried(place, kept)) for kept in letters]

    rows = [
        {
            "number": each,
            "status": result.status,
            "references": result.references,
            "reason": _reason(result.issues),
        }
        for each, result in with_database(settings(data_dir=data_dir), retried)
    ]
    if json:
        print_json(rows)
    else:
        print_table(("number", "status", "references", "reason"), rows, empty="No dead letter waits.")
    if any(row["status"] == "rejected" for row in rows):
        raise typer.Exit(1)


async def _waiting(place: Workplace) -> "list[KeptLetter]":
    from fhir_server.store.devices.dead_letters import StoredDeadLetters

    store = StoredDeadLetters(place.database)
    letters: list[KeptLetter] = []
    while page := await store.waiting(after=letters[-1].number if letters else 0, limit=_PAGE):
        letters += page
    return letters


async def _letter(place: Workplace, number: int) -> "KeptLetter":
    from fhir_server.store.devices.dead_letters import StoredDeadLetters

    kept = await StoredDeadLetters(place.database).get(number)
    if kept is None:
        raise OperatorError(
            f"There is no dead letter {number}. `fhir-server deadletter list` shows those that wait."
        )
    return kept


async def _retried(place: Workplace, kept: "KeptLetter") -> "Result":
    from fhir_server import clock
    from fhir_server.interactions.ingest_gateway import pipeline
    from ingest.retry import retry as taken_again

    return await taken_again(pipeline(place.database, place.key, place.profiles), kept, clock.now)


def _row(kept: "KeptLetter") -> dict[str, object]:
    letter = kept.letter
    return {
        "number": kept.number,
        "device": letter.device,
        "format": letter.format,
        "received": letter.received.isoformat(timespec="seconds"),
        "times": kept.times,
        "reason": _reason(letter.issues),
    }


def _reason(issues: object) -> str:
    from ingest.issue import Issue

    said = [issue for issue in issues if isinstance(issue, Issue)] if isinstance(issues, tuple) else []
    return "; ".join(
        f"{issue.element}: {issue.diagnostics}" if issue.element else issue.diagnostics for issue in said
    )
