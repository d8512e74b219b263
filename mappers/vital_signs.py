"""What the vital signs profiles of R4 fix: the LOINC code and the units, by profile URL.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_BASE: Final = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class VitalSignRule:
    """The LOINC code that a profile fixes, if it does, and the UCUM codes it allows; no units: it allows no value."""

    code: str | None
    units: tuple[str, ...]


VITAL_SIGNS_PROFILES: Final[Mapping[str, VitalSignRule]] = MappingProxyType(
    {
        _BASE + "heartrate": VitalSignRule("8867-4", ("/min",)),
        _BASE + "resprate": VitalSignRule("9279-1", ("/min",)),
        _BASE + "oxygensat": VitalSignRule("2708-6", ("%",)),
        _BASE + "bodytemp": VitalSignRule("8310-5", ("Cel", "[degF]")),
        _BASE + "bodyweight": VitalSignRule("29463-7", ("kg", "g", "[lb_av]")),
        _BASE + "bodyheight": VitalSignRule("8302-2", ("cm", "[in_i]")),
        _BASE + "bmi": VitalSignRule("39156-5", ("kg/m2",)),
        _BASE + "bp": VitalSignRule("85354-9", ()),
        _BASE + "vitalspanel": VitalSignRule("85353-1", ()),
        _BASE + "vitalsigns": VitalSignRule(None, ()),
    }
)
