"""`fhir-server subscription`: how subscriptions stand, and whether anything is sent to their endpoints.

docs/operations.md, "Subscriptions and streams"; docs/adr/0024-delivery.md
"""

from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say, warn
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from fhir_server.store.subscriptions.overview import Aside, Overview

app = typer.Typer(
    help="Look at subscriptions, and say whether anything is sent. Example: fhir-server subscription list",
    no_args_is_help=True,
)

_PAGE = 1_000
_PAUSED = "Notifications are paused: nothing is sent until `fhir-server subscription resume`."
_STATES = ("requested", "active", "error", "off")


@app.command("list")
def list_subscriptions(
    *,
    state: Annotated[str | None, typer.Option(help=f"Only those in it: {', '.join(_STATES)}.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List every subscription: whose it is, how many events have a number, how many its endpoint took, what went wrong.

    Example: fhir-server subscription list --state error
    """
    if state is not None and state not in _STATES:
        raise OperatorError(f"{state} is no state of a subscription. Name one of {', '.join(_STATES)}.")

    async def found(place: Workplace) -> "tuple[bool, list[Overview]]":
        from fhir_server.store.subscriptions import overview, pausing

        every = list["Overview"]()
        async with place.database.connection() as connection:
            is_paused = await pausing.is_paused(connection)
            while page := await overview.each(connection, state, every[-1].id if every else "", _PAGE):
                every += page
        return is_paused, every

    is_paused, every = with_database(settings(data_dir=data_dir), found)
    _print([one._asdict() for one in every], json=json, empty="There is none.")
    if is_paused:
        warn(_PAUSED)


@app.command("set-aside")
def list_set_aside(
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the last first.")] = 100,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List the changes that a failure of the server kept from being held against subscriptions.

    Example: fhir-server subscription set-aside --limit 20
    """

    async def found(place: Workplace) -> "list[Aside]":
        from fhir_server.store.subscriptions import overview

        async with place.database.connection() as connection:
            return await overview.set_aside(connection, limit)

    _print(
        [one._asdict() for one in with_database(settings(data_dir=data_dir), found)],
        json=json,
        empty="Nothing was set aside.",
    )


@app.command("off")
def off(
    id: Annotated[str | None, typer.Argument(help="Which one; with --all, every one.")] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every one that is not off.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Turn subscriptions off, for example those that came with a copy. Their owners may start them again.

    Example: fhir-server subscription off --all
    """
    if (id is None) is not all_:
        raise OperatorError("Say which: a Subscription's id, or --all.")

    async def done(place: Workplace) -> list[str]:
        ids = await _running(place) if id is None else [id]
        return [each for each in ids if await _turned_off(place, each)]

    ended = with_database(settings(data_dir=data_dir), done)
    if id is not None and not ended:
        raise OperatorError(f"There is no Subscription {id} that is not off.")
    print_json({"off": ended}) if json else say(f"{len(ended)} turned off.")


@app.command("pause")
def pause(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Send nothing to any endpoint any more; events go on being numbered. What is just being sent is finished.

    Example: fhir-server subscription pause
    """

    async def done(place: Workplace) -> None:
        from fhir_server.store.subscriptions import pausing

        async with place.database.connection() as connection:
            await pausing.pause(connection)

    with_database(settings(data_dir=data_dir), done)
    print_json({"notifications": "paused"}) if json else say(_PAUSED)


@app.command("resume")
def resume(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Send what is due to the endpoints from now on: not in a copy, whose endpoints are the real ones.

    Example: fhir-server subscription resume
    """

    async def done(place: Workplace) -> None:
        from fhir_server.store.subscriptions import pausing

        async with place.database.connection() as connection:
            await pausing.resume(connection)

    with_database(settings(data_dir=data_dir), done)
    print_json({"notifications": "sent"}) if json else say("What is due is sent from now on.")


async def _running(place: Workplace) -> list[str]:
    from fhir_server.store.subscriptions.registrations import registered

    async with place.database.connection() as connection:
        return [one.id for one in await registered(connection)]


async def _turned_off(place: Workplace, id: str) -> bool:
    from fhir_server.audit.port import NoAudit
    from fhir_server.store.audit.kept import KeptAudit
    from fhir_server.subscriptions.restate import recorded, restated

    audit = KeptAudit(place.database) if place.settings.audit == "on" else NoAudit()
    async with recorded(place.database, audit).transaction() as work:
        return await restated(work, id, "off", "The operator turned it off.")


def _print(rows: list[dict[str, object]], *, json: bool, empty: str) -> None:
    if json:
        print_json(rows)
    else:
        print_table(tuple(rows[0]) if rows else (), rows, empty=empty)
