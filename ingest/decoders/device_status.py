"""What a device says of itself beside a reading: `{battery: 80, firmware: "1.2", operation: "on", …}`.

docs/ingest.md, "What a device says of itself"
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from ingest.decoders.members import Members
from ingest.issue import Issue
from mappers.device_status import CALIBRATION_STATES, CALIBRATION_TYPES, OPERATIONS, TEXTS, DeviceStatus
from mappers.message import CLOCK_NEVER_SET
from mappers.occasion import instant
from mappers.times import DeviceTime

MEMBER: Final = "device_status"
_FULL: Final = 100
_DIGITS: Final = 8


def device_status(
    tree: dict[str, object], time: DeviceTime | None, received: datetime, issues: list[Issue]
) -> DeviceStatus | None:
    """What the message says of its device; None, with an issue for each mistake, where it says nothing."""
    if time is not None and time.moment < CLOCK_NEVER_SET and tree.get("data") is None:
        issues.append(_never_set(time))
    message = Members({MEMBER: tree.get(MEMBER)}, "", issues)
    sent = message.object(MEMBER)
    if sent is None:
        return None
    said: dict[str, object] = {
        "battery": _battery(sent),
        "firmware": sent.text("firmware", longest=128),
        "operation": sent.choice("operation", OPERATIONS),
        "calibration": _calibration(sent),
        **{name: sent.text(name, longest=128) for name in TEXTS},
    }
    sent.close()
    told = {name: value for name, value in said.items() if value is not None}
    return DeviceStatus(time, received, told) if time is not None and told else None


def _never_set(time: DeviceTime) -> Issue:
    text = f"timestamp {time.text} is before 2000: the device's clock was never set. Set it."
    return Issue("business-rule", text, "timestamp")


def _battery(sent: Members) -> str | None:
    level = sent.number("battery")
    if level is None:
        return None
    if not 0 <= level <= _FULL or len(str(level)) > _DIGITS:
        sent.refuse("battery", f"is not 0 to {_FULL} in per cent, of at most {_DIGITS} characters.")
        return None
    return format(Decimal(level), "f")


def _calibration(sent: Members) -> dict[str, object] | None:
    calibration = sent.object("calibration")
    if calibration is None:
        return None
    state = calibration.choice("state", CALIBRATION_STATES, required=True)
    type = calibration.choice("type", CALIBRATION_TYPES)
    time = calibration.time("time")
    calibration.close()
    made = {"type": type, "state": state, "time": None if time is None else instant(time.moment)}
    return {name: value for name, value in made.items() if value is not None}
