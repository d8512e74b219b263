"""What a reading is mapped with, and what comes of it.

https://hl7.org/fhir/R4/observation.html
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from mappers.errors import WeakKey
from mappers.profile import DeviceProfile
from mappers.reading import MappingIssue

IDENTITY_KEY_BYTES: Final = 32

# JSON trees: every value is str, int, Decimal, bool, list or dict; parts are shared between resources, so that
# nobody may change one in place.
Resource: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class MappingContext:
    """Who measured whom: the assignment at measurement time, the device's profile and the server's identity key.

    `patient_id` and `device_id` are logical ids (of the Patient and the Device resource); `identity_key` has at
    least 32 bytes (WeakKey otherwise) and never changes in the life of a server.
    """

    patient_id: str
    device_id: str
    profile: DeviceProfile
    identity_key: bytes

    def __post_init__(self) -> None:
        if len(self.identity_key) < IDENTITY_KEY_BYTES:
            raise WeakKey(f"The identity key has {len(self.identity_key)} bytes. Give {IDENTITY_KEY_BYTES}.")


@dataclass(frozen=True, slots=True)
class Mapped:
    """The resources of one reading, to be stored all or none, and the warnings that do not stop them."""

    resources: tuple[Resource, ...]
    warnings: tuple[MappingIssue, ...] = ()
    corrects: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why nothing of a reading may be stored: at least one issue of severity `error`."""

    issues: tuple[MappingIssue, ...]


MappingResult: TypeAlias = Mapped | Rejected
