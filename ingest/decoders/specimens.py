"""The field that glucose goes by for each specimen it was measured in: they have codes of their own.

docs/devices.md, "phone"
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

GLUCOSE_FIELDS: Final[Mapping[str | None, str]] = MappingProxyType(
    {
        None: "bloodGlucose",
        "whole blood": "bloodGlucose",
        "capillary blood": "capillaryGlucose",
        "interstitial fluid": "interstitialGlucose",
        "plasma": "serumPlasmaGlucose",
        "serum": "serumPlasmaGlucose",
    }
)
