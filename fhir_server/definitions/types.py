"""The 146 concrete resource types of R4, each with the small number it has in the database.

https://hl7.org/fhir/R4/resourcelist.html

The numbers are written in the generated data and never change: rows refer to them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fhir_server.definitions.files import entries

RESOURCE_TYPES: Final[Mapping[str, int]] = MappingProxyType(entries("resource-types"))
RESOURCE_TYPE_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {number: name for name, number in RESOURCE_TYPES.items()}
)
