"""What an address such as `/api/devices/pulse-oximeter/readings` says of the readings that are sent to it.

docs/ingest.md, "By the device's address"
"""

from collections.abc import Sequence
from typing import TypeAlias

from ingest.errors import Misaddressed
from ingest.issue import Issue
from ingest.ports import Device

Tree: TypeAlias = dict[str, object]

_UNNAMED = Issue(
    "required",
    "device_id is missing, and the address names a type of device only. Send the device's name.",
    "device_id",
)


def names_type(key: str, device: Device) -> bool:
    """Whether `key` is the type of the device that sends, and not its name or id.

    Raises Misaddressed when it is none of them.
    """
    if key in (device.name, device.id):
        return False
    if key == device.profile:
        return True
    raise Misaddressed(
        f"The address names {key[:60]!r}, which is neither the device that sent this nor its type, {device.profile}. "
        "Send each device's readings to its own name or type."
    )


def each_named(items: Sequence[Tree | Issue], device: Device) -> tuple[Tree | Issue, ...]:
    """The readings of a request to a type's address; one that names no device is the Issue that says so.

    What is sent in its maker's own form names it where the type's shape says, or not at all: its signature does.
    """
    if device.type.shape is not None:
        return tuple(items)
    return tuple(
        _UNNAMED if isinstance(item, dict) and item.get("device_id") is None else item for item in items
    )
