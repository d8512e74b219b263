"""A criterion understood: what a resource of a type must meet, along chains and compartments too.

https://hl7.org/fhir/R4/search.html#chaining

Every type on the way is searched: it needs the caller's permission to, and only what they may see of it counts. Where a
reference may be to several types and none is named, those that have the parameter and that the caller may search are
gone on to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Forbidden, InvalidSearch, RequestError, UnknownParameter
from fhir_server.search.access import Access
from fhir_server.search.branch import Branch, Chained, Reversed, Wanted
from fhir_server.search.criteria import condition
from fhir_server.search.include import targets
from fhir_server.search.params.catalog import served, unserved
from fhir_server.search.params.parameter import Parameter, Reading
from fhir_server.search.parse import Backward, Criterion, Forward, Step

MOST_TARGETS: Final = 16  # gone on to at once; beyond it the client names the type


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms criteria are understood: what the caller may search, what values are read against, how long a chain may be."""

    access: Access
    reading: Reading
    max_chain: int


class _LeadsNowhere(InvalidSearch):
    """A step that cannot be taken from the type that it starts at; it may be from another."""


def wanted(resource_type: str, criterion: Criterion, terms: Terms) -> Wanted:
    """What `criterion` demands of a resource of the type.

    Raises UnknownParameter for a parameter that the type, or the one at a chain's end, does not have; InvalidSearch for
    a modifier or value that cannot be served and for a chain too long; Forbidden where a chain leads past the caller's scopes.
    """
    if len(criterion.steps) > terms.max_chain:
        raise InvalidSearch(
            f"{criterion.label[:100]} is a chain of {len(criterion.steps)}. Ask with at most {terms.max_chain}.",
            criterion.label[:100],
        )
    return _along(resource_type, criterion, criterion.steps, terms)


def _along(resource_type: str, criterion: Criterion, steps: Sequence[Step], terms: Terms) -> Wanted:
    match steps:
        case (Forward() as step, *rest):
            return _forward(resource_type, criterion, step, rest, terms)
        case (Backward() as step, *rest):
            return _backward(resource_type, criterion, step, rest, terms)
    if criterion.name == "_list":
        return _listed(resource_type, criterion, terms)
    return condition(_parameter(resource_type, criterion.name, criterion), criterion, terms.reading)


def _forward(
    resource_type: str, criterion: Criterion, step: Forward, rest: Sequence[Step], terms: Terms
) -> Chained:
    parameter = _reference(resource_type, step.name, criterion)
    if step.target:
        _check_target(parameter, step.target, criterion)
        target = _branch(step.target, criterion, rest, terms)
        return Chained(parameter, (target,))
    found, errors = list[Branch](), list[RequestError]()
    for name in sorted(targets(parameter)):
        try:
            found.append(_branch(name, criterion, rest, terms))
        except (Forbidden, UnknownParameter, _LeadsNowhere) as error:
            errors.append(error)
    if not found:
        raise _why_none(parameter, criterion, errors)
    if len(found) > MOST_TARGETS:
        raise InvalidSearch(
            f"{criterion.label[:100]} may lead to {len(found)} types. Name one, as in `{step.name}:{found[0].resource_type}.…`.",
            criterion.label[:100],
        )
    return Chained(parameter, tuple(found))


def _backward(
    resource_type: str, criterion: Criterion, step: Backward, rest: Sequence[Step], terms: Terms
) -> Reversed:
    if step.source not in RESOURCE_TYPES:
        raise InvalidSearch(
            f"{criterion.label[:100]}: {step.source[:60]!r} is no resource type. Types are case-sensitive.",
            criterion.label[:100],
        )
    parameter = _reference(step.source, step.name, criterion)
    _check_target(parameter, resource_type, criterion)
    source = _branch(step.source, criterion, rest, terms)
    return Reversed(resource_type, parameter, source, terms.reading.base_url)


def _listed(resource_type: str, criterion: Criterion, terms: Terms) -> Reversed:
    """`_list=42`: what the List 42 has as an item."""
    if criterion.modifier or any(value.startswith("$") for value in criterion.values):
        raise InvalidSearch(
            f"{criterion.label}={criterion.values[0][:60]}: only lists by their id are served, no functional ones.",
            "_list",
        )
    by_id = condition(served("List")["_id"], criterion, terms.reading)
    lists = Branch("List", terms.access("List", "search"), (by_id,))
    return Reversed(resource_type, served("List")["item"], lists, terms.reading.base_url)


def _branch(resource_type: str, criterion: Criterion, rest: Sequence[Step], terms: Terms) -> Branch:
    """The resources of the type that meet the rest of the criterion."""
    met = _along(resource_type, criterion, rest, terms)
    return Branch(resource_type, terms.access(resource_type, "search"), (met,))


def _parameter(resource_type: str, name: str, criterion: Criterion) -> Parameter:
    parameter = served(resource_type).get(name)
    if parameter is not None:
        return parameter
    contained = "contained resources are not searched" if name == "_containedType" else None
    reason = contained or unserved(resource_type).get(name)
    if reason is not None:
        text = f"{resource_type} parameter {name[:100]} is not served: {reason}. Leave it out."
    else:
        text = f"{resource_type} has no search parameter {name[:100]}. The CapabilityStatement lists those it has."
    raise UnknownParameter(text, criterion.label[:100])


def _reference(resource_type: str, name: str, criterion: Criterion) -> Parameter:
    parameter = _parameter(resource_type, name, criterion)
    if parameter.kind != "reference":
        raise _LeadsNowhere(
            f"{criterion.label[:100]}: {resource_type} parameter {name} is a {parameter.kind} and refers to nothing.",
            criterion.label[:100],
        )
    return parameter


def _check_target(parameter: Parameter, target: str, criterion: Criterion) -> None:
    known = targets(parameter)
    if target not in known:
        named = f"{len(known)} other types" if len(known) > MOST_TARGETS else ", ".join(sorted(known))
        raise _LeadsNowhere(
            f"{criterion.label[:100]}: {parameter.prefix} never refers to a {target[:60]}. It refers to {named}.",
            criterion.label[:100],
        )


def _why_none(parameter: Parameter, criterion: Criterion, errors: Sequence[RequestError]) -> RequestError:
    """What to tell where none of the types that are referred to can be gone on to."""
    if len(errors) == 1:
        return errors[0]
    for kind in (Forbidden, _LeadsNowhere):
        for error in errors:
            if isinstance(error, kind):
                return error
    named = ", ".join(sorted(targets(parameter))[:MOST_TARGETS])
    return UnknownParameter(
        f"{criterion.label[:100]}: none of {named}, which {parameter.prefix} refers to, has such a parameter.",
        criterion.label[:100],
    )
