"""Every search parameter that is served, by type; what is not here is refused by name.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from fhir_server.definitions.search_parameters import SearchParameter, for_type
from fhir_server.definitions.structure import required_codes
from fhir_server.search.params.columns import coded, column
from fhir_server.search.params.hashes import number as parameter_number
from fhir_server.search.params.kinds import KINDS
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.paths import Path, Unsupported, paths

# answered from other parameters' entries instead of entries of their own
_UNIONS: Final = MappingProxyType(
    {
        ("Observation", f"combo-{what}"): (alone, f"component-{what}")
        for what, alone in (
            ("code", "code"),
            ("value-concept", "value-concept"),
            ("value-quantity", "value-quantity"),
            ("data-absent-reason", "data-absent-reason"),
        )
    }
)

_BOOLEANS: Final = ("http://terminology.hl7.org/CodeSystem/special-values", frozenset({"true", "false"}))


@cache
def served(resource_type: str) -> Mapping[str, Parameter]:
    """The parameters that can be asked of `resource_type`, by code. Raises KeyError for an unknown type."""
    return MappingProxyType(
        {code: found for code, found in _all(resource_type).items() if isinstance(found, Parameter)}
    )


@cache
def unserved(resource_type: str) -> Mapping[str, str]:
    """R4's parameters of the type that cannot be asked here, each with the reason."""
    return MappingProxyType(
        {code: found for code, found in _all(resource_type).items() if isinstance(found, str)}
    )


@cache
def _all(resource_type: str) -> Mapping[str, Parameter | str]:
    return {
        code: _parameter(resource_type, definition) for code, definition in for_type(resource_type).items()
    }


def _parameter(resource_type: str, definition: SearchParameter) -> Parameter | str:
    kind = KINDS.get(definition.type)
    if kind is None:
        return f"{definition.type} parameters are not served yet"
    if not definition.expression:
        return "it is not read from an element of the resource"
    if (resource_type, definition.code) in _SPECIAL:
        found: tuple[Path, ...] = ()
    else:
        try:
            found = paths(definition.expression)
        except Unsupported as error:
            return str(error)
    unread = {path.datatype for path in found} - set(kind.READ)
    if unread:
        return f"{', '.join(sorted(unread))} cannot be read as a {definition.type}"
    return _compiled(resource_type, definition, found)


def _compiled(resource_type: str, definition: SearchParameter, found: tuple[Path, ...]) -> Parameter:
    prefix = f"{resource_type}.{definition.code}"
    return Parameter(
        resource_type=resource_type,
        code=definition.code,
        kind=definition.type,  # type: ignore[arg-type] # _parameter let only these through
        url=definition.url,
        prefix=prefix,
        number=parameter_number(prefix),
        paths=found,
        targets=definition.targets,
        repeats=definition.repeats,
        required=any(path.required for path in found) or not found,
        column=column(resource_type, definition, found),
        coded=coded(definition, found),
        union=_UNIONS.get((resource_type, definition.code), ()),
        systems=_systems(definition, found),
    )


def _systems(definition: SearchParameter, found: tuple[Path, ...]) -> Mapping[str, frozenset[str]] | None:
    """The systems of a token whose elements have no place for one, None for any other."""
    if definition.type != "token" or not {path.datatype for path in found} <= _WITHOUT_SYSTEM:
        return None
    systems: dict[str, frozenset[str]] = {}
    for path in found:
        for system, members in _implied(path).items():
            systems[system] = systems.get(system, frozenset()) | members
    return MappingProxyType(systems)


def _implied(path: Path) -> Mapping[str, frozenset[str]]:
    if path.datatype == "boolean":
        return {_BOOLEANS[0]: _BOOLEANS[1]}
    return {} if path.value_set is None else required_codes(path.value_set) or {}


_WITHOUT_SYSTEM: Final = frozenset({"boolean", "code", "id", "string", "uri", "ContactPoint"})

# Patient.deceased is asked as a condition, not an element: see index.py
_SPECIAL: Final = frozenset({("Patient", "deceased")})
