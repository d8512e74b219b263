"""`fhir-server audit`: what happened and by whom, whether it is as it was sealed, and old months dropped.

docs/operations.md, "The audit"
"""

from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from fhir_server.store.audit.chain import Seal
    from fhir_server.store.audit.partitions import Month
    from fhir_server.store.audit.rows import Kept
    from fhir_server.store.audit.verifying import Verdict

app = typer.Typer(
    help="Look at what happened and by whom, and prove that nobody changed it. Example: fhir-server audit verify",
    no_args_is_help=True,
)

_SHOWN = ("at", "action", "outcome", "who", "what", "patient", "address")


@app.command("list")
def list_records(
    *,
    patient: Annotated[str | None, typer.Option(help="Only what is about this Patient, by id.")] = None,
    who: Annotated[
        str | None, typer.Option(help="Only what this caller did, as `user:1` or `client:app`.")
    ] = None,
    what: Annotated[
        str | None, typer.Option(help="Only what was done to this resource, as `Observation/1`.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 100,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List what happened, newest first.

    Example: fhir-server audit list --patient p1 --limit 20
    """

    async def found(place: Workplace) -> "list[Kept]":
        from fhir_server.store.audit.finding import Condition, find

        type, _, id = (what or "").partition("/")
        wanted = [
            ("patient = %s", (patient,), patient),
            ("subject = %s", (who,), who),
            ("type = %s AND entity = %s", (type, id), what),
        ]
        conditions = [Condition(text, params) for text, params, given in wanted if given]
        async with place.database.connection() as connection:
            return await find(connection, conditions, most=limit)

    rows = [_row(one) for one in with_database(settings(data_dir=data_dir), found)]
    if json:
        print_json(rows)
    else:
        print_table(_SHOWN, rows, empty="Nothing was recorded.")


@app.command("verify")
def verify(
    *,
    anchor: Annotated[
        str | None, typer.Option(help="The end of the chain as `audit seal` printed it earlier.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Tell whether sealed records were altered, removed, inserted or put in another order. Exits with 1 when they were.

    Example: fhir-server audit verify --anchor 12:5f0c…
    """

    async def judged(place: Workplace) -> "Verdict":
        from fhir_server.store.audit.verifying import verify

        async with place.database.connection() as connection:
            return await verify(connection, place.key.derive("audit"), anchor)

    verdict = with_database(settings(data_dir=data_dir), judged)
    rows = [{"fault": one.fault, "seal": one.seal, "record": one.record} for one in verdict.findings]
    cut = anchor is not None and not verdict.anchored
    if json:
        told = {"seals": verdict.seals, "records": verdict.records, "anchor": verdict.anchor}
        print_json(told | {"anchored": verdict.anchored if anchor else None, "findings": rows})
    else:
        print_table(("fault", "seal", "record"), rows, empty="Nothing was changed.")
        say(f"{verdict.records} records under {verdict.seals} seals. Anchor: {verdict.anchor}")
        if cut:
            say("The chain does not lead through the anchor: it was cut off or made anew.")
    if rows or cut:
        raise typer.Exit(1)


@app.command("seal")
def seal(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Seal what is not sealed yet, and print the end of the chain: keep it where the database's owner cannot change it.

    Example: fhir-server audit seal >> /mnt/elsewhere/anchors
    """

    async def sealed(place: Workplace) -> "tuple[list[Seal], int, bytes]":
        from fhir_server.store.audit import sealing

        made = await sealing.seal(place.database, place.key.derive("audit"))
        async with place.database.connection() as connection:
            return made, *await sealing.end_of_chain(connection)

    from fhir_server.store.audit.verifying import anchor

    made, number, digest = with_database(settings(data_dir=data_dir), sealed)
    if json:
        print_json({"sealed": sum(len(one.ids) for one in made), "anchor": anchor(number, digest)})
    else:
        say(anchor(number, digest))


@app.command("drop")
def drop(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Drop the months before those that FHIR_AUDIT_KEEP_MONTHS keeps, whole and sealed. The chain says that they were.

    Example: FHIR_AUDIT_KEEP_MONTHS=24 fhir-server audit drop
    """
    configured = settings(data_dir=data_dir)
    if configured.audit_keep_months is None:
        raise OperatorError(
            "No month is to be dropped. Set FHIR_AUDIT_KEEP_MONTHS to how many whole ones are kept."
        )
    keep = configured.audit_keep_months

    async def dropped(place: Workplace) -> "list[Month]":
        from fhir_server import clock
        from fhir_server.store.audit.dropping import drop

        async with place.database.connection() as connection:
            return await drop(connection, place.key.derive("audit"), keep, clock.now())

    rows = [{"month": f"{one.year:04}-{one.month:02}"} for one in with_database(configured, dropped)]
    if json:
        print_json(rows)
    else:
        print_table(("month",), rows, empty="No month is that old.")


@app.command("stored")
def stored(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Print AuditEvents that clients stored before the server kept an audit of its own, one a line; with --json an array.

    Example: fhir-server audit stored > audit-events.ndjson
    """

    async def found(place: Workplace) -> list[str]:
        from fhir_server.definitions.types import RESOURCE_TYPES

        async with place.database.connection() as connection:
            cursor = await connection.execute(
                "SELECT body::text FROM resource WHERE type = %s AND NOT deleted ORDER BY rid",
                (RESOURCE_TYPES["AuditEvent"],),
            )
            return [body for (body,) in await cursor.fetchall()]

    bodies = with_database(settings(data_dir=data_dir), found)
    say(f"[{','.join(bodies)}]" if json else "\n".join(bodies))


def _row(kept: "Kept") -> dict[str, object]:
    from fhir_server.clock import instant

    one = kept.record
    what = "/".join(part for part in (one.type, one.id) if part)
    return {
        "id": kept.id,
        "at": instant(kept.at),
        "kind": one.kind,
        "action": one.action,
        "outcome": one.outcome,
        "reason": one.reason,
        "who": one.agent.subject or "nobody known",
        "client": one.agent.client,
        "what": what if one.version is None else f"{what}/_history/{one.version}",
        "patient": one.patient,
        "name": one.name,
        "types": one.types,
        "parameters": one.parameters,
        "address": one.origin.address,
        "events": one.events,
        "destination": one.destination,
        "request": one.origin.request_id,
    }
