"""`fhir-server device`: who may send readings, and whose they are.

https://hl7.org/fhir/R4/device.html
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.clock import now
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from fhir_server.interactions.device_api_keys import Keyed
    from fhir_server.interactions.device_registry import Enrolled
    from fhir_server.store.devices.registration import Registration

app = typer.Typer(
    help="Register devices, give them to patients, renew their secrets. Example: fhir-server device list",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The device's registered name, or the id of its Device.")]
Patient = Annotated[str | None, typer.Option(help="The Patient it measures: p1 or Patient/p1.")]
From = Annotated[
    str | None, typer.Option("--from", help="From when, in ISO 8601 with an offset.", show_default="now")
]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A name of your own; it goes into Device.identifier.")],
    *,
    type: Annotated[str, typer.Option(help="Its profile: pulse-oximeter, blood-pressure, …")],
    patient: Patient = None,
    from_: From = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Register a device and print the secret it signs with, this once.

    Example: fhir-server device add pi-001 --type pulse-oximeter --patient p1 --json
    """
    start = _moment(from_)

    async def registered(place: Workplace) -> "Enrolled":
        from fhir_server.interactions import device_registry

        return await device_registry.register(
            place.database,
            place.key,
            name=name,
            profile=type,
            patient=patient,
            start=start,
            profiles=place.profiles,
        )

    _show_enrolled(with_database(settings(data_dir=data_dir), registered), json)


@app.command("list")
def list_devices(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the registered devices with the patient each is on now.

    Example: fhir-server device list --json
    """

    async def listed(place: Workplace) -> "list[Registration]":
        from fhir_server.interactions import device_registry

        return await device_registry.listed(place.database)

    rows = [_row(each) for each in with_database(settings(data_dir=data_dir), listed)]
    if json:
        print_json(rows)
    else:
        print_table(
            ("device_id", "type", "patient", "status", "connection", "last_seen", "device"),
            rows,
            empty="No device is registered.",
        )


@app.command("assign")
def assign(
    name: Name,
    *,
    patient: Annotated[str, typer.Option(help="The Patient it measures: p1 or Patient/p1.")],
    from_: From = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Give a device to a patient; who had it until then has it no longer.

    Example: fhir-server device assign pi-001 --patient p2
    """
    start = _moment(from_)

    async def assigned(place: Workplace) -> tuple[str, tuple[str, ...]]:
        from fhir_server.interactions import device_registry

        return await device_registry.assign(place.database, name=name, patient=patient, start=start)

    use, warnings = with_database(settings(data_dir=data_dir), assigned)
    if json:
        print_json({"device_id": name, "assignment": use, "warnings": warnings})
    else:
        say("\n".join((f"{name} measures {patient}: {use}", *warnings)))


@app.command("rotate")
def rotate(
    name: Name,
    *,
    overlap: Annotated[float, typer.Option(min=0, help="Hours the old secret stays valid.")] = 24,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Print a new secret for a device; the old one stays valid for a while.

    Example: fhir-server device rotate pi-001 --overlap 1
    """

    async def rotated(place: Workplace) -> "Enrolled":
        from fhir_server.interactions import device_registry

        return await device_registry.rotate(
            place.database, place.key, name=name, overlap=timedelta(hours=overlap)
        )

    _show_enrolled(with_database(settings(data_dir=data_dir), rotated), json)


@app.command("api-key")
def api_key(
    name: Name,
    *,
    overlap: Annotated[float, typer.Option(min=0, help="Hours the old key stays valid.")] = 24,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Print a new API key for a device that cannot sign; the old one stays valid for a while.

    Example: fhir-server device api-key scale-7 --overlap 1
    """
    given = settings(data_dir=data_dir)

    async def renewed(place: Workplace) -> "Keyed":
        from fhir_server.interactions import device_api_keys

        return await device_api_keys.renew(
            place.database, name=name, overlap=timedelta(hours=overlap), taken=given.device_api_keys
        )

    keyed = with_database(given, renewed)
    if json:
        print_json(
            {
                "device_id": keyed.name,
                "api_key": keyed.api_key,
                "device": keyed.device,
                "warnings": keyed.warnings,
            }
        )
        return
    say(f"The API key of {keyed.name}, shown this once: {keyed.api_key}")
    for warning in keyed.warnings:
        say(f"Note: {warning}")


@app.command("revoke-api-keys")
def revoke_api_keys(name: Name, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """End the API keys of a device at once; it may still sign.

    Example: fhir-server device revoke-api-keys scale-7
    """

    async def revoked(place: Workplace) -> int:
        from fhir_server.interactions import device_api_keys

        return await device_api_keys.revoke(place.database, name=name)

    count = with_database(settings(data_dir=data_dir), revoked)
    if json:
        print_json({"device_id": name, "revoked": count})
    else:
        say(f"{name} has no API key any more; {count} ended.")


@app.command("disable")
def disable(name: Name, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Take nothing from a device any more.

    Example: fhir-server device disable pi-001
    """

    async def disabled(place: Workplace) -> "Registration":
        from fhir_server.interactions import device_registry

        return await device_registry.disable(place.database, name=name)

    row = _row(with_database(settings(data_dir=data_dir), disabled))
    if json:
        print_json(row)
    else:
        say(f"{row['device_id']} is disabled.")


@app.command("enable")
def enable(name: Name, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Take readings of a disabled device again, with the secrets it had.

    Example: fhir-server device enable pi-001
    """

    async def enabled(place: Workplace) -> "Registration":
        from fhir_server.interactions import device_registry

        return await device_registry.enable(place.database, name=name)

    row = _row(with_database(settings(data_dir=data_dir), enabled))
    if json:
        print_json(row)
    else:
        say(f"{row['device_id']} is enabled.")


@app.command("remove")
def remove(name: Name, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Disable a device for good and end its assignment; its Device and its readings stay.

    Example: fhir-server device remove pi-001
    """

    async def removed(place: Workplace) -> "Registration":
        from fhir_server.interactions import device_registry

        return await device_registry.remove(place.database, name=name)

    row = _row(with_database(settings(data_dir=data_dir), removed))
    if json:
        print_json(row)
    else:
        say(f"{row['device_id']} is removed.")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise OperatorError(f"--from {text!r} is no ISO 8601 time. Write 2026-01-31T08:00:00Z.") from error
    if moment.tzinfo is None:
        raise OperatorError(f"--from {text!r} has no offset from UTC. Write 2026-01-31T08:00:00Z.")
    return moment


def _row(registration: "Registration") -> dict[str, object]:
    from fhir_server.interactions.device_view import device_view

    return dict(device_view(registration, now()))


def _show_enrolled(enrolled: "Enrolled", json: bool) -> None:
    if json:
        print_json(
            {
                "device_id": enrolled.name,
                "secret": enrolled.secret,
                "device": enrolled.device,
                "type": enrolled.profile,
                "assignment": enrolled.assignment,
                "warnings": enrolled.warnings,
            }
        )
        return
    say(f"{enrolled.name} is {enrolled.device}, a {enrolled.profile}.")
    say(f"Its secret, shown this once: {enrolled.secret}")
    for warning in enrolled.warnings:
        say(f"Note: {warning}")
