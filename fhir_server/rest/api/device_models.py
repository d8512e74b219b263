"""What is sent to and comes from `/api/devices`.

https://docs.pydantic.dev/latest/concepts/models/
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

_DATED: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Line: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]


def _written(sent: object) -> object:
    """A time as it is written; raises PydanticCustomError for a number, which could be milliseconds."""
    if not isinstance(sent, str) or not _DATED.match(sent):
        raise PydanticCustomError("time", "Input should be a time such as 2026-01-31T12:00:00Z")
    return sent


Moment: TypeAlias = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC)),
    BeforeValidator(_written),
]


class Model(BaseModel):
    """A body without any members but those declared."""

    model_config = ConfigDict(extra="forbid")


class Description(Model):
    """What people call the device and its maker says of it; goes into its Device."""

    label: Line | None = None
    manufacturer: Line | None = None
    model: Line | None = None
    serial_number: Line | None = None


class ChangedDevice(Description):
    """What a device is described as from now on: what is left out is taken away."""

    type: Line = Field(description="The type it is registered as, which stays.")


class NewDevice(Description):
    """A device to be registered."""

    device_id: Line = Field(description="The name that it signs with; goes into Device.identifier.")
    type: Line = Field(description="Its device type, such as pulse-oximeter.")
    patient: Line | None = Field(None, description="The Patient it measures: p1 or Patient/p1.")
    start: Moment | None = Field(None, description="Since when it measures them; now without it.")


class NewAssignment(Model):
    """With a patient: on whom the device is from `start` until `end`. Without: when its open assignment ends."""

    patient: Line | None = None
    start: Moment | None = Field(None, description="Now without it.")
    end: Moment | None = Field(None, description="Without it: open with a patient, now without one.")


class NewSecret(Model):
    """How the secret before is to end."""

    overlap_hours: float = Field(24, ge=0, le=24 * 30, allow_inf_nan=False)


class Device(BaseModel):
    """A registered device."""

    device_id: str
    device: str = Field(description="The reference of its Device resource.")
    type: str
    patient: str | None = Field(description="On whom it is now.")
    status: Literal["active", "disabled", "removed"]
    connection: Literal["connected", "silent", "never"] = Field(
        description="Whether it sent a signed request within the last five minutes, earlier, or never."
    )
    api_key: bool = Field(description="Whether it may send under an API key, if this server takes them.")
    last_seen: str | None = Field(description="When it last sent one, at most 30 seconds late.")
    registered: str
    label: str | None
    manufacturer: str | None
    model: str | None
    serial_number: str | None
    firmware: str | None = Field(description="What the device last said of itself, as are the next three.")
    battery: float | None = Field(description="In per cent.")
    operation: Literal["on", "standby", "off"] | None
    calibration: dict[str, str] | None


class Devices(BaseModel):
    """A page of the registered devices, by name."""

    devices: list[Device]
    next: str | None = Field(description="What to send as `after` for the next page; null on the last.")


class Secret(BaseModel):
    """A device and its new secret, which is shown this once."""

    device_id: str
    secret: str
    device: str
    type: str
    assignment: str | None = Field(description="The DeviceUseStatement that was made.")
    warnings: list[str]


class ApiKey(BaseModel):
    """A device and its new API key, which is shown this once."""

    device_id: str
    api_key: str = Field(description="What it sends as X-Api-Key.")
    device: str
    warnings: list[str]


class Assignment(BaseModel):
    """An assignment that was made or ended."""

    device_id: str
    assignment: str = Field(description="The reference of its DeviceUseStatement.")
    warnings: list[str]
