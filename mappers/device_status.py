"""What a device says of itself beside what it measures.

https://hl7.org/fhir/R4/devicemetric.html; docs/ingest.md, "What a device says of itself"
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from mappers.times import DeviceTime

OPERATIONS: Final = ("on", "standby", "off")
"""Codes of DeviceMetric.operationalStatus; what is entered in error is no state."""

CALIBRATION_STATES: Final = ("not-calibrated", "calibration-required", "calibrated", "unspecified")
CALIBRATION_TYPES: Final = ("unspecified", "offset", "gain", "two-point")
TEXTS: Final = {"manufacturer": "manufacturer", "model": "modelNumber", "serial_number": "serialNumber"}
"""What a device may say in words, and the element of its Device that it goes into."""

Said: TypeAlias = Mapping[str, object]
"""What a device says by member: texts, and `calibration` as a DeviceMetric has it. A battery's level is the text of its number."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What a device said of itself at `time`."""

    time: DeviceTime
    received: datetime
    said: Said
