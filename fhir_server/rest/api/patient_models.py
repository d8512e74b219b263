"""What comes from `/api/patients`.

https://docs.pydantic.dev/latest/concepts/models/

Numbers have the digits that were measured: whoever must keep them reads them as decimals.
"""

from typing import Literal

from pydantic import BaseModel, Field


class PatientDevice(BaseModel):
    """A device and the time for which it is, or was, on the patient."""

    device_id: str
    device: str = Field(description="The reference of its Device resource.")
    type: str
    connection: Literal["connected", "silent", "never"]
    last_seen: str | None
    assignment: str = Field(description="The reference of the DeviceUseStatement.")
    start: str | None
    end: str | None
    current: bool = Field(description="Whether the patient has it now.")


class PatientDevices(BaseModel):
    """The devices of a patient, the latest first."""

    patient: str
    devices: list[PatientDevice]


class Metric(BaseModel):
    """What a value is: its first code, and what people call it."""

    system: str | None
    code: str | None
    name: str | None


class LiveValue(Metric):
    """The latest value of a metric. One of `value`, `text` and `absent` is not null."""

    value: float | None
    comparator: Literal["<", "<=", ">=", ">"] | None
    unit: str | None = Field(description="As people write it.")
    ucum: str | None
    text: str | None = Field(description="A value that is no number.")
    absent: str | None = Field(description="Why there is none, a code of data-absent-reason.")
    effective: str | None = Field(description="When it was measured, or when that began.")
    device: str | None = Field(description="A reference to a Device or DeviceMetric.")
    observation: str
    categories: list[str]


class LiveData(BaseModel):
    """The latest of each metric, the newest first."""

    patient: str
    metrics: list[LiveValue]


class WindowValue(Metric):
    """What all devices measured of a metric, in one unit, within one window."""

    ucum: str
    count: int
    mean: float
    min: float
    max: float
    last: float
    last_at: str
    devices: list[str]


class Window(BaseModel):
    """All values whose time lies in `[start, end)`."""

    start: str
    end: str
    values: list[WindowValue]


class CombinedData(BaseModel):
    """The windows in which something was measured, the earliest first."""

    patient: str
    start: str
    end: str
    window: Literal["1m", "5m", "1h"]
    windows: list[Window]
