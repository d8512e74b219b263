"""Every search parameter that is served, by type; what is not here is refused by name.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Final

from fhir_server.definitions.search_parameters import Component, SearchParameter, for_type
from fhir_server.definitions.structure import required_codes
from fhir_server.search.params.columns import coded, column
from fhir_server.search.params.errata import COMPONENTS, EXPRESSIONS, REFUSED, TARGETS
from fhir_server.search.params.hashes import number as parameter_number
from fhir_server.search.params.kinds import KINDS
from fhir_server.search.params.parameter import Parameter, Part, Together
from fhir_server.search.params.paths import Path, Unsupported, paths, relative

# answered from other parameters' entries instead of entries of their own
_UNIONS: Final = MappingProxyType(
    {
        ("Observation", f"combo-{what}"): (alone, f"component-{what}")
        for what, alone in (
            ("code", "code"),
            ("value-concept", "value-concept"),
            ("value-quantity", "value-quantity"),
            ("data-absent-reason", "data-absent-reason"),
            ("code-value-concept", "code-value-concept"),
            ("code-value-quantity", "code-value-quantity"),
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
    definitions = for_type(resource_type)
    found = {
        code: _parameter(resource_type, definition)
        for code, definition in definitions.items()
        if definition.type != "composite"
    }
    for code, definition in definitions.items():
        if definition.type == "composite":
            found[code] = _composite(resource_type, definition, found)
    return _with_codings(found)


def _parameter(resource_type: str, definition: SearchParameter) -> Parameter | str:
    named = (resource_type, definition.code)
    reason = REFUSED.get(named) or REFUSED.get(("", definition.code))
    if reason is not None:
        return reason
    if named in _SPECIAL:
        return _compiled(resource_type, definition, ())
    try:
        found = paths(EXPRESSIONS.get(named, definition.expression))
    except Unsupported as error:
        return str(error)
    kind = KINDS[definition.type]
    readable = tuple(path for path in found if path.datatype in kind.READ)
    if not readable:
        return f"{found[0].datatype} cannot be read as a {definition.type}"
    return _compiled(resource_type, definition, readable)


def _composite(
    resource_type: str, definition: SearchParameter, others: Mapping[str, Parameter | str]
) -> Parameter:
    union = _UNIONS.get((resource_type, definition.code), ())
    bases = paths(definition.expression)
    parts = tuple(
        _part(component, bases[0], others[component.code], COMPONENTS.get((definition.url, component.code)))
        for component in definition.components
    )
    plain = _compiled(resource_type, definition, () if union else bases)
    return replace(plain, required=False, parts=parts, together=_together(definition, parts))


def _part(component: Component, base: Path, parameter: Parameter | str, corrected: str | None) -> Part:
    assert isinstance(parameter, Parameter), parameter
    expression = corrected or component.expression
    of_resource = expression.startswith("%resource.")
    start = Path((), parameter.resource_type) if of_resource else base
    found = relative(start, expression.removeprefix("%resource."))
    readable = tuple(path for path in found if path.datatype in KINDS[parameter.kind].READ)
    return Part(parameter, readable, of_resource)


def _together(definition: SearchParameter, parts: tuple[Part, ...]) -> Together:
    """How the parts are found in one element; see params/composite.py."""
    if not definition.repeats:
        return "single"
    match [part.parameter.kind for part in parts if not part.of_resource]:
        case ["token", "quantity"]:
            return "row"
        case ["number", "number"]:
            return "span"
    return "pair"


def _with_codings(found: dict[str, Parameter | str]) -> dict[str, Parameter | str]:
    """The parameters whose values' rows carry the codings beside them for a composite say so."""
    for composite in [one for one in found.values() if isinstance(one, Parameter) and one.together == "row"]:
        if composite.union:
            continue
        code, value = composite.parts
        (base,) = composite.paths
        beside = {replace(path, steps=(*base.steps, *path.steps)): code.paths[0] for path in value.paths}
        found[value.parameter.code] = replace(value.parameter, coded_by=MappingProxyType(beside))
    return found


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
        targets=definition.targets or TARGETS.get((resource_type, definition.code), ()),
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
