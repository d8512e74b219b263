"""Devices that may send readings: registered, described, given to a patient, given new secrets, disabled, removed.

https://hl7.org/fhir/R4/device.html; docs/adr/0009-device-authentication.md, docs/adr/0010-device-assignment.md
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from fhir_server.clock import instant
from fhir_server.errors import Gone, InvalidRequest, NotFound, Unprocessable
from fhir_server.ids import uuid7
from fhir_server.interactions import write
from fhir_server.json import JsonObject, dumps, stored
from fhir_server.keys import MasterKey
from fhir_server.store import resources
from fhir_server.store.database import Database
from fhir_server.store.devices import api_keys, registration
from fhir_server.store.devices.registration import Registration
from fhir_server.store.devices.seal import Seal
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.rows import Method
from fhir_server.store.unit_of_work import UnitOfWork
from fhir_server.validation.structure import check
from mappers.device import assignment, device, device_metrics, metric_keys
from mappers.errors import UnknownProfile
from mappers.profile import DeviceProfile
from mappers.profiles import DeviceProfiles, built_in

OVERLAP: Final = timedelta(hours=24)
"""How long the secret before the newest stays valid when nothing else is said."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATIENT: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class Description:
    """What people call a device and its maker says of it; what is None its Device does not say."""

    label: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A registered device with a new secret, which is shown this once and never again."""

    name: str
    device: str
    profile: str
    secret: str = field(repr=False)
    assignment: str | None = None
    warnings: tuple[str, ...] = ()


async def register(
    database: Database,
    master_key: MasterKey,
    *,
    name: str,
    profile: str,
    patient: str | None = None,
    start: datetime | None = None,
    description: Description | None = None,
    profiles: DeviceProfiles | None = None,
) -> Enrolled:
    """The new device, its Device, DeviceMetrics and, for a `patient`, DeviceUseStatement from `start` (else now).

    Its type is one of `profiles`, or of this package where none are given.
    Raises InvalidRequest for a name, type or patient that cannot be or a `start` on nobody, Conflict for a name that is taken.
    """
    types = profiles or built_in()
    kind = _known_profile(profile, types)
    if not _NAME.fullmatch(name) or _UUID.fullmatch(name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot name a device. Use 1 to 64 letters, digits, `.`, `_`, `:` or `-`, and no UUID.",
            "device_id",
        )
    if name in types.by_key:
        raise InvalidRequest(
            f"{name!r} is a device type, and its name is kept for it in /api/devices/{name}/readings. "
            f"Choose another, such as {name}-1.",
            "device_id",
        )
    if start is not None and patient is None:
        raise InvalidRequest(
            "There is a start and no patient. Name the patient, or leave the start out.", "start"
        )
    id, secret = uuid7(), _new_secret()
    use = None
    async with database.transaction() as work:
        key = await registration.add(
            work.connection, name=name, id=id, profile=profile, metrics=metric_keys(kind)
        )
        await registration.add_secret(work.connection, Seal(master_key), key, id, secret.encode())
        made = cast("JsonObject", device(id, name, kind))
        await _create(work, made if description is None else _described(made, name, description))
        for resource in device_metrics(id, kind):
            await _create(work, cast("JsonObject", resource))
        if patient is not None:
            use = await _assign(work, id, patient, start or _now())
    warnings = await _warnings(database, patient)
    return Enrolled(name, f"Device/{id}", profile, secret, use, warnings)


async def listed(database: Database, *, after: str = "", limit: int | None = None) -> list[Registration]:
    """The registered devices by name, from the one `after`, at most `limit`, each with the patient it is on now."""
    async with database.connection() as connection:
        return await registration.listed(connection, after=after, limit=limit)


async def found(database: Database, *, name: str) -> Registration:
    """The device with this name or Device id, removed ones too. Raises NotFound."""
    async with database.connection() as connection:
        return await registration.find(connection, name)


async def describe(database: Database, *, name: str, profile: str, description: Description) -> Registration:
    """The device, whose Device says of it what `description` does and nothing else of that kind.

    Raises Unprocessable for another type than it is registered with, NotFound, and Gone for one that was removed.
    """
    async with database.transaction() as work:
        known = await registration.lock(work.connection, name)
        if known.profile != profile:
            raise Unprocessable(
                f"The device is registered as {known.profile!r}, by which its readings are read, and not as "
                f"{profile[:80]!r}. Register it anew under another name.",
                "type",
            )
        current = await work.lock("Device", known.id)
        if current is None or current.body is None:
            raise Gone(f"Device/{known.id} was deleted. Bring it back with PUT first.")
        tree = _described(stored(current.body), known.name, description)
        await work.update(_draft(tree, "PUT"), current)
        return await registration.find(work.connection, name)


async def rotate(
    database: Database, master_key: MasterKey, *, name: str, overlap: timedelta = OVERLAP
) -> Enrolled:
    """The device with a new secret; the one before is valid for `overlap` more. Warns if it is disabled. Raises NotFound."""
    secret = _new_secret()
    async with database.transaction() as work:
        known = await registration.lock(work.connection, name)
        await registration.retire_secrets(work.connection, known.key, overlap)
        await registration.add_secret(work.connection, Seal(master_key), known.key, known.id, secret.encode())
    warnings = () if known.disabled_at is None else ("The device is disabled: nothing it signs is taken.",)
    return Enrolled(known.name, f"Device/{known.id}", known.profile, secret, warnings=warnings)


async def disable(database: Database, *, name: str) -> Registration:
    """The device, from which nothing is taken any more; its Device becomes inactive. Raises NotFound."""
    async with database.transaction() as work:
        known = await registration.lock(work.connection, name)
        await registration.disable(work.connection, known.key)
        await _change(work, "Device", known.id, {"status": "inactive"})
        return await registration.find(work.connection, name)


async def enable(database: Database, *, name: str) -> Registration:
    """The device, of which readings are taken again; its Device becomes active. Raises NotFound, Gone when removed.

    Its secrets are those it had: where one may be known to others, `rotate` without an overlap comes first.
    """
    async with database.transaction() as work:
        known = await registration.lock(work.connection, name)
        await registration.enable(work.connection, known.key)
        await _change(work, "Device", known.id, {"status": "active"})
        return await registration.find(work.connection, name)


async def remove(database: Database, *, name: str) -> Registration:
    """The device, disabled for good, without secrets and on no patient from now on. Raises NotFound.

    Readings refer to its Device, which therefore stays and becomes inactive; so does its name.
    """
    async with database.transaction() as work:
        known = await registration.find(work.connection, name)
        if known.removed_at is None:
            known = await registration.lock(work.connection, name)
            now = datetime.now(UTC)
            use = await registration.open_use(work.connection, known.key, now)
            if use is not None:
                await _end(work, use, now)
            await registration.remove(work.connection, known.key)
            await api_keys.forget(work.connection, known.key)
            await _change(work, "Device", known.id, {"status": "inactive"})
        return await registration.find(work.connection, name)


async def assign(
    database: Database,
    *,
    name: str,
    patient: str,
    start: datetime | None = None,
    end: datetime | None = None,
) -> tuple[str, tuple[str, ...]]:
    """The reference of the DeviceUseStatement that gives the device to `patient` from `start` until `end`, with warnings.

    The one that is open at that time ends there. Raises InvalidRequest for an `end` that is not after the start, NotFound
    for the device, Unprocessable when a later one overlaps.
    """
    begins = start or _now()
    if end is not None and end <= begins:
        raise InvalidRequest("The assignment ends before it starts. Correct one of the times.", "end")
    async with database.transaction() as work:
        known = await registration.lock(work.connection, name)
        earlier = await registration.open_use(work.connection, known.key, begins)
        if earlier is not None:
            await _end(work, earlier, begins)
        use = await _assign(work, known.id, patient, begins, end)
    return use, await _warnings(database, patient)


async def unassign(database: Database, *, name: str, end: datetime | None = None) -> str:
    """The reference of the DeviceUseStatement that ends at `end` (else now): the device is on nobody from then on.

    Raises NotFound for the device, Unprocessable when it is on nobody then, or its assignment has an end already.
    """
    ends = end or datetime.now(UTC)
    async with database.transaction() as work:
        known = await registration.lock(work.connection, name)
        use = await registration.open_use(work.connection, known.key, ends)
        if use is None:
            raise Unprocessable(
                "The device has no assignment without an end at that time. See its DeviceUseStatements.",
                "end",
            )
        await _end(work, use, ends)
    return f"DeviceUseStatement/{use}"


async def _assign(
    work: UnitOfWork, device_id: str, patient: str, start: datetime, end: datetime | None = None
) -> str:
    patient_id = patient.removeprefix("Patient/")
    if not _PATIENT.fullmatch(patient_id):
        raise InvalidRequest(
            f"{patient[:80]!r} is not the id of a Patient. Give `p1` or `Patient/p1`.", "patient"
        )
    id = uuid7()
    ends = None if end is None else instant(end)
    await _create(work, cast("JsonObject", assignment(id, device_id, patient_id, instant(start), ends)))
    return f"DeviceUseStatement/{id}"


async def _end(work: UnitOfWork, use_id: str, end: datetime) -> None:
    current = await work.lock("DeviceUseStatement", use_id)
    if current is None or current.body is None:
        raise NotFound(f"DeviceUseStatement/{use_id} was deleted meanwhile. Try again.")
    tree = stored(current.body)
    period = cast("JsonObject", tree["timingPeriod"]) | {"end": instant(end)}
    await _change(work, "DeviceUseStatement", use_id, {"status": "completed", "timingPeriod": period})


async def _create(work: UnitOfWork, resource: JsonObject) -> None:
    await work.create(_draft(resource, "POST"))


async def _change(work: UnitOfWork, type: str, id: str, members: JsonObject) -> None:
    """The resource with other `members`; one that someone deleted stays deleted."""
    current = await work.lock(type, id)
    if current is not None and current.body is not None:
        await work.update(_draft(stored(current.body) | members, "PUT"), current)


def _described(tree: JsonObject, name: str, description: Description) -> JsonObject:
    label: JsonObject = {"name": description.label or name, "type": "user-friendly-name"}
    names = cast("list[JsonObject]", tree.get("deviceName", []))
    others = [each for each in names if each.get("type") != "user-friendly-name"]
    said: dict[str, str | None] = {
        "manufacturer": description.manufacturer,
        "modelNumber": description.model,
        "serialNumber": description.serial_number,
    }
    kept = {key: value for key, value in tree.items() if key not in said}
    given = {key: value for key, value in said.items() if value is not None}
    return {**kept, "deviceName": [label, *others], **given}


def _draft(tree: JsonObject, method: Method) -> Draft:
    type, id = str(tree["resourceType"]), str(tree["id"])
    check(type, dumps(tree))
    return write.draft(type, tree, id=id, method=method)


async def _warnings(database: Database, patient: str | None) -> tuple[str, ...]:
    if patient is None:
        return ("The device is assigned to no patient: its readings are rejected until it is.",)
    async with database.connection() as connection:
        known = await resources.read(connection, "Patient", patient.removeprefix("Patient/"), EVERYTHING)
    if known is None or known.deleted:
        return (f"Patient/{patient.removeprefix('Patient/')} is not here yet.",)
    return ()


def _known_profile(profile: str, profiles: DeviceProfiles) -> DeviceProfile:
    try:
        return profiles.get(profile)
    except UnknownProfile as error:
        raise InvalidRequest(str(error), "type") from error


def _new_secret() -> str:
    """32 random bytes as base64url; its characters are the key the device signs with."""
    return secrets.token_urlsafe(32)


def _now() -> datetime:
    """The present second from its start: devices state times in whole seconds, and the first may come in this one."""
    return datetime.now(UTC).replace(microsecond=0)
