"""What was set for comfort on a ResMed device in a night: the ramp of its pressure, and the relief in expiration.

https://www.edfplus.info/specs/edf.html; the numbers of its switches are those of an AirSense 10
"""

from collections.abc import Callable, Iterator
from typing import Final

MISSING: Final = -1
"""The device's sign that it has no value."""

_OFF, _ON = 0, 1
_IN_RAMP, _ALWAYS = 0, 1
_LEVEL: Final = "S.EPR.Level"


def read(digital: Callable[[str], int], start: str) -> dict[str, str]:
    """The names of what was in use, by the label that has its value; `digital` is a label's number of the night.

    `start` is the label of the pressure that the ramp begins with in the mode of the night.
    """
    found = {**_ramp(digital("S.RampEnable"), start), **_relief(digital)}
    return {label: name for label, name in found.items() if digital(label) != MISSING}


def switched_off(digital: Callable[[str], int]) -> Iterator[tuple[str, str]]:
    """The names of what was switched off, and so is 0, each with its unit."""
    if digital("S.RampEnable") == _OFF:
        yield "rampTime", "min"
    if _OFF in _switches(digital) or (_is_relieved(digital) and digital("S.EPR.EPRType") == _IN_RAMP):
        yield "expiratoryRelief", "cm[H2O]"


def _ramp(switch: int, start: str) -> dict[str, str]:
    match switch:
        case 1:
            return {"S.RampTime": "rampTime", start: "rampStartPressure"}
        case 2:  # the device ends the ramp when the patient sleeps
            return {start: "rampStartPressure"}
    return {}


def _relief(digital: Callable[[str], int]) -> dict[str, str]:
    kind = digital("S.EPR.EPRType")
    if not _is_relieved(digital) or kind not in (_IN_RAMP, _ALWAYS):
        return {}
    return {_LEVEL: "expiratoryRelief" if kind == _ALWAYS else "expiratoryReliefInRamp"}


def _is_relieved(digital: Callable[[str], int]) -> bool:
    return _switches(digital) == (_ON, _ON)


def _switches(digital: Callable[[str], int]) -> tuple[int, int]:
    """Whether the clinician allows relief, and whether it was chosen."""
    return digital("S.EPR.ClinEnable"), digital("S.EPR.EPREnable")
