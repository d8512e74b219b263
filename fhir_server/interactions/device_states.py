"""What there is of devices beside their readings: DeviceMetrics, and what devices say of themselves.

https://hl7.org/fhir/R4/devicemetric.html; docs/ingest.md, "What a device says of itself"
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, cast

from fhir_server.errors import Gone, NotFound, RequestError
from fhir_server.interactions import write
from fhir_server.json import JsonObject, dumps, stored
from fhir_server.store.database import Database
from fhir_server.store.devices import registration
from fhir_server.store.drafts import Draft
from fhir_server.store.rows import Method
from fhir_server.store.unit_of_work import UnitOfWork
from fhir_server.validation.structure import check
from ingest.errors import Unavailable
from ingest.ports import Device, Stated
from mappers.device import device_metrics, metric_keys
from mappers.device_state import (
    battery_observation,
    changed,
    device_metric_saying,
    device_saying,
    state_after,
    stated,
)
from mappers.device_status import Said
from mappers.identity import device_metric_id

_OF_METRICS: Final = frozenset({"operation", "calibration"})


class KeptDeviceStates:
    """Implements `ingest.ports.DeviceStates`: a new version where something changed, none where nothing did."""

    def __init__(self, database: Database, identity_key: bytes) -> None:
        self._database = database
        self._identity_key = identity_key

    async def complete(self, device: Device) -> None:
        """Every DeviceMetric of the device's type is there and says what the device last said of itself.

        One that was deleted is not brought back.
        """
        async with self._work(device) as work:
            if work is not None:
                known = await registration.find(work.connection, device.id)
                said = {
                    member: what
                    for member in _OF_METRICS
                    if (what := stated(known.state, member)) is not None
                }
                metrics = [
                    device_metric_saying(each, said) for each in device_metrics(device.id, device.type)
                ]
                made = [_draft(cast("JsonObject", each), "POST") for each in metrics]
                await work.create_all(sorted(made, key=lambda draft: draft.id))
                await registration.set_metrics(work.connection, device.key, metric_keys(device.type))

    async def keep(self, stated: Sequence[Stated]) -> list[tuple[str, ...]]:
        """For each, in the order of time, the references of what it changed; what was so before costs nothing."""
        kept: list[tuple[str, ...]] = [()] * len(stated)
        in_time = sorted(range(len(stated)), key=lambda index: stated[index].status.time.nanoseconds)
        several = len(stated) > 1
        for index in in_time:
            each = stated[index]
            if several or changed(each.status, each.device.state):
                kept[index] = await self._kept(each)
        return kept

    async def _kept(self, stated: Stated) -> tuple[str, ...]:
        device, status = stated.device, stated.status
        async with self._work(device) as work:
            if work is None:
                return ()
            known = await registration.find(work.connection, device.id)
            changes = changed(status, known.state)
            if not changes:
                return ()
            await registration.set_state(
                work.connection, device.key, state_after(known.state, status, changes)
            )
            references = await _update_all(work, device, changes)
            level = battery_observation(device.id, status, changes, self._identity_key)
            if level is not None:
                await work.create_all([_draft(cast("JsonObject", level), "POST")])
                references.append(f"Observation/{level['id']}")
            return tuple(references)

    @asynccontextmanager
    async def _work(self, device: Device) -> AsyncIterator[UnitOfWork | None]:
        """A transaction that holds the device; None where it was removed meanwhile. Raises `ingest.errors.Unavailable`."""
        try:
            async with self._database.transaction() as work:
                try:
                    await registration.lock(work.connection, device.id)
                except (Gone, NotFound):
                    yield None
                else:
                    yield work
        except RequestError as error:
            raise Unavailable from error


async def _update_all(work: UnitOfWork, device: Device, changes: Said) -> list[str]:
    """The references of the Device and DeviceMetrics that say something else now; what was deleted stays so."""
    ids = [("Device", device.id)]
    if not _OF_METRICS.isdisjoint(changes):
        keys = {each.key for rule in device.type.rules for each in (rule, *rule.by_unit.values())}
        ids += sorted(("DeviceMetric", device_metric_id(device.id, key)) for key in keys)
    return [f"{type}/{id}" for type, id in ids if await _updated(work, type, id, changes)]


async def _updated(work: UnitOfWork, type: str, id: str, changes: Said) -> bool:
    current = await work.lock(type, id)
    if current is None or current.body is None:
        return False
    tree = cast("dict[str, object]", stored(current.body))
    saying = (device_saying if type == "Device" else device_metric_saying)(tree, changes)
    if dumps(saying) == dumps(tree):
        return False
    await work.update(_draft(cast("JsonObject", saying), "PUT"), current)
    return True


def _draft(tree: JsonObject, method: Method) -> Draft:
    type, id = str(tree["resourceType"]), str(tree["id"])
    check(type, dumps(tree))
    return write.draft(type, tree, id=id, method=method)
