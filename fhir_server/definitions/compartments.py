"""The five compartments: which search parameters of a type place its resources in one.

https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from fhir_server.definitions.files import entries


@cache
def members(compartment: str) -> Mapping[str, tuple[str, ...]]:
    """The parameter codes by member type of `Patient`, `Encounter`, `RelatedPerson`, `Practitioner` or `Device`.

    `{def}` stands for the resource that the compartment is about. Raises KeyError for any other name.
    """
    return MappingProxyType(
        {type: tuple(codes) for type, codes in entries("compartments")[compartment].items()}
    )
