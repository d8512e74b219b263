"""Compartments: the resources about one Patient, Encounter, RelatedPerson, Practitioner or Device.

https://hl7.org/fhir/R4/compartmentdefinition.html

A resource belongs to one when any of the parameters that R4 lists for its type refers to the compartment's own resource,
which belongs to it as well.
"""

from collections.abc import Iterable
from functools import cache
from typing import Final

from fhir_server.definitions.compartments import members
from fhir_server.errors import InvalidSearch
from fhir_server.search.branch import AnyOf, Wanted
from fhir_server.search.criteria import condition
from fhir_server.search.params.catalog import served
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import Compartment, Criterion

COMPARTMENTS: Final = ("Patient", "Encounter", "RelatedPerson", "Practitioner", "Device")
_ITSELF: Final = "_id"


@cache
def types(compartment: str) -> tuple[str, ...]:
    """The types whose resources may be in a compartment of that type."""
    return tuple(sorted({*members(compartment), compartment}))


def membership(resource_type: str, compartment: Compartment, reading: Reading) -> Wanted:
    """What places a resource of the type in the compartment. Raises InvalidSearch for a type that is in none."""
    codes = _codes(resource_type, compartment.type)
    if not codes:
        raise InvalidSearch(
            f"{resource_type} is in no {compartment.type} compartment. Search {resource_type} itself, or one of "
            f"{', '.join(types(compartment.type))}.",
        )
    parameters = served(resource_type)
    met = tuple(
        condition(parameters[code], Criterion(code, "", (_named(code, compartment),)), reading)
        for code in codes
    )
    return met[0] if len(met) == 1 else AnyOf(met)


def about(resource_type: str, patients: Iterable[str], reading: Reading) -> Wanted:
    """Met by the resources of a type that say whom they are about, when it is one of the patients."""
    column = next(one for one in served(resource_type).values() if one.column == "patient")
    named = tuple(f"Patient/{id}" for id in sorted(patients))
    return condition(column, Criterion(column.code, "", named), reading)


@cache
def _codes(resource_type: str, compartment: str) -> tuple[str, ...]:
    """The parameters that decide; of several that are one column, one."""
    found = dict[str, str]()
    for code in members(compartment).get(resource_type, ()):
        if code != "{def}":
            found.setdefault(served(resource_type)[code].column or code, code)
    return (*found.values(), _ITSELF) if resource_type == compartment else tuple(found.values())


def _named(code: str, compartment: Compartment) -> str:
    return compartment.id if code == _ITSELF else f"{compartment.type}/{compartment.id}"
