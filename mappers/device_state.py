"""What a device last said of itself, and how its Device and DeviceMetrics say it.

https://hl7.org/fhir/R4/devicemetric.html; docs/ingest.md, "What a device says of itself"
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

from mappers.device_status import TEXTS, DeviceStatus, Said
from mappers.identity import identifier_value, resource_id, time_part
from mappers.mapped import Resource
from mappers.metrics import metric
from mappers.occasion import instant
from mappers.quantity import quantity
from mappers.template import coding, template
from terminology import systems
from terminology.service import Coding

State: TypeAlias = Mapping[str, object]
"""What a device last said by member: `[what, since when]`, the latter in nanoseconds since 1970."""


def changed(status: DeviceStatus, state: State) -> dict[str, object]:
    """What differs from what the device last said; of what it said before that, nothing."""
    return {
        member: said
        for member, said in status.said.items()
        if _since(state, member) < status.time.nanoseconds and stated(state, member) != _meant(member, said)
    }


def state_after(state: State, status: DeviceStatus, changes: Said) -> dict[str, object]:
    """What the device last said, once `changes` of `status` are taken in."""
    return {**state, **{member: [said, status.time.nanoseconds] for member, said in changes.items()}}


def stated(state: State, member: str) -> object:
    """What the device last said under `member`, None if it never did; a battery's level as a number."""
    return _meant(member, _last(state, member))


def device_saying(device: Resource, changes: Said) -> Resource:
    """`device`, a Device, with what it says of itself now; the same where nothing of that is in a Device."""
    new = {element: changes[member] for member, element in TEXTS.items() if member in changes}
    if "firmware" in changes:
        new["version"] = [*_others(device.get("version")), _firmware(changes["firmware"])]
    if "operation" in changes:
        new["statusReason"] = [_reason(str(changes["operation"]))]
    return {**device, **new} if new else device


def device_metric_saying(device_metric: Resource, changes: Said) -> Resource:
    """`device_metric` with what its device says now; a setting is not calibrated. The same where nothing concerns it."""
    new: Resource = {}
    if "operation" in changes:
        new["operationalStatus"] = changes["operation"]
    if "calibration" in changes and device_metric.get("category") != "setting":
        new["calibration"] = [changes["calibration"]]
    return {**device_metric, **new} if new else device_metric


def battery_observation(
    device_id: str, status: DeviceStatus, changes: Said, identity_key: bytes
) -> Resource | None:
    """The level of the battery as an Observation of the device, None where it is what it was."""
    if "battery" not in changes:
        return None
    row = metric("battery-level")
    assert row.scale is not None, "a level is a number"
    device = {"reference": f"Device/{device_id}"}
    identifier = identifier_value(device_id, "", row.key, time_part(status.time, None, ""))
    return {
        **template(row).head,
        "id": resource_id(identity_key, status.time.nanoseconds // 1_000_000, identifier),
        "identifier": [{"system": systems.READING_IDENTITY, "value": identifier}],
        "subject": device,
        "effectiveDateTime": status.time.text,
        "issued": instant(status.received),
        "device": device,
        "valueQuantity": quantity(Decimal(str(changes["battery"])), row.scale),
    }


def _meant(member: str, said: object) -> object:
    return Decimal(said) if member == "battery" and isinstance(said, str) else said


def _last(state: State, member: str) -> object:
    kept = state.get(member)
    return kept[0] if isinstance(kept, list) else None


def _since(state: State, member: str) -> int:
    kept = state.get(member)
    return int(kept[1]) if isinstance(kept, list) else -1


def _others(versions: object) -> list[object]:
    """The versions that are not the firmware's."""
    mine = _firmware("")["type"]
    return [
        each
        for each in (versions if isinstance(versions, list) else ())
        if not isinstance(each, dict) or each.get("type") != mine
    ]


def _firmware(value: object) -> dict[str, object]:
    code = coding(Coding(systems.LOCAL_DEVICE_VERSION, "firmware", "Firmware"))
    return {"type": {"coding": [code], "text": "Firmware"}, "value": value}


def _reason(operation: str) -> dict[str, object]:
    code = "online" if operation == "on" else operation
    return {"coding": [coding(Coding(systems.DEVICE_STATUS_REASON, code))]}
