"""One flat reading as edge monitors send it: `{"heartRate": 75, "spo2": 98, "timestamp": 1234567890}`.

docs/ingest.md, "Edge monitors"
"""

from datetime import datetime
from typing import cast

from ingest.decoders.reading import Decoded, timestamp
from ingest.issue import Issue
from ingest.ports import Device
from mappers.reading import FieldValue, Reading


def decode(tree: dict[str, object], device: Device, received: datetime) -> Decoded:
    """The reading that `device` sent, or every issue its syntax has; every member but `timestamp` is a measurement."""
    issues: list[Issue] = []
    stamp = tree.get("timestamp")
    if isinstance(stamp, str):
        text = f"timestamp {stamp[:40]!r} is a text. Send seconds since 1970 as a number."
        issues.append(Issue("value", text, "timestamp"))
    elif stamp is None:
        text = "timestamp is missing. Send when it was measured, as seconds since 1970."
        issues.append(Issue("required", text, "timestamp"))
    time = None if issues else timestamp(stamp, issues)
    fields = {name: value for name, value in tree.items() if name != "timestamp"}
    for name, value in fields.items():
        if isinstance(value, (dict, list)):
            issues.append(_malformed(name))
    if issues or time is None:
        return tuple(issues)
    return Reading(device.name, device.profile, time, received, cast("dict[str, FieldValue]", fields))


def _malformed(name: str) -> Issue:
    return Issue("structure", f"{name[:60]!r} is not a number. Send one.", name[:60])
