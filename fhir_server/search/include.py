"""What is included beside the matches of a page: what they refer to, and what refers to them.

https://hl7.org/fhir/R4/search.html#revinclude

Planned here, fetched in `included`. Only what the caller may read is included; what they may not is left out, as if it
were not there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain as joined
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Forbidden, InvalidSearch, UnknownParameter
from fhir_server.search.access import Access
from fhir_server.search.chain import by_url
from fhir_server.search.params.catalog import served, unserved
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.parse import Include
from fhir_server.store.predicate import Predicate

EVERY: Final = "*"


@dataclass(frozen=True, slots=True)
class Link:
    """References by `parameter` to resources of `targets`, which are included, or if `reverse` have their referrers included."""

    parameter: Parameter
    targets: frozenset[str]
    reverse: bool
    iterate: bool

    @property
    def source(self) -> str:
        """The type that refers."""
        return self.parameter.resource_type


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What to include, at most `limit` on a page; `access` has the types that the caller may read, and what of them."""

    links: tuple[Link, ...]
    access: Mapping[str, Predicate]
    limit: int


def inclusion(
    includes: Sequence[Include], searched: Sequence[str], access: Access, limit: int
) -> Inclusion | None:
    """What `includes` ask for beside resources of the types `searched`; None when they ask for nothing.

    Raises UnknownParameter for a parameter that there is not, InvalidSearch for one that leads nowhere.
    """
    if not includes:
        return None
    links = tuple(joined.from_iterable(_links(include, frozenset(searched)) for include in includes))
    types = {link.source for link in links if link.reverse}
    types.update(*(link.targets for link in links if not link.reverse))
    return Inclusion(links, _readable(types, access), limit)


def is_known(include: Include) -> bool:
    """Whether there is a parameter of that name."""
    if include.source not in RESOURCE_TYPES or include.parameter == EVERY:
        return True
    return include.parameter in served(include.source)


@cache
def references(resource_type: str) -> tuple[Parameter, ...]:
    """The parameters by which resources of the type refer."""
    return tuple(one for one in served(resource_type).values() if one.kind == "reference")


def referring_to(resource_type: str) -> list[Parameter]:
    """The parameters, of all types, by which resources may refer to one of the type."""
    return [one for source in RESOURCE_TYPES for one in references(source) if resource_type in targets(one)]


def targets(parameter: Parameter) -> frozenset[str]:
    """The types that are referred to; by a canonical URL, only those that have one."""
    if not by_url(parameter):
        return frozenset(parameter.targets)
    return frozenset(target for target in parameter.targets if "url" in served(target))


def _readable(types: Iterable[str], access: Access) -> dict[str, Predicate]:
    readable = {}
    for name in sorted(types):
        try:
            readable[name] = access(name, "read")
        except Forbidden:
            continue
    return readable


@lru_cache(maxsize=128)
def _links(include: Include, searched: frozenset[str]) -> tuple[Link, ...]:
    """The links that an include stands for. A wildcard may lead nowhere, what is named must not."""
    _check_names(include)
    found = tuple(
        link
        for parameter in _parameters(include, searched)
        if (link := _link(include, parameter, searched)) is not None
    )
    if not found and include.source != EVERY:
        raise InvalidSearch(_leads_nowhere(include, searched), include.name.partition(":")[0])
    return found


def _check_names(include: Include) -> None:
    for name in (include.source, include.target):
        if name not in {"", EVERY} and name not in RESOURCE_TYPES:
            raise InvalidSearch(
                f"{include.name}={include.value[:100]}: {name[:60]!r} is no resource type. Types are case-sensitive.",
                include.name.partition(":")[0],
            )


def _parameters(include: Include, searched: frozenset[str]) -> Iterator[Parameter]:
    if include.source == EVERY:
        sources = RESOURCE_TYPES if include.reverse or include.iterate else searched
        return joined.from_iterable(references(source) for source in sources)
    if include.parameter == EVERY:
        return iter(references(include.source))
    return iter((_parameter(include),))


def _parameter(include: Include) -> Parameter:
    name, shown = include.name.partition(":")[0], f"{include.name}={include.value[:100]}"
    parameter = served(include.source).get(include.parameter)
    if parameter is None:
        reason = unserved(include.source).get(include.parameter, "there is no such search parameter")
        known = ", ".join(sorted(one.code for one in references(include.source)))
        raise UnknownParameter(f"{shown}: {reason}. {include.source} refers by {known}.", name)
    if parameter.kind != "reference":
        raise InvalidSearch(f"{shown}: {parameter.prefix} is a {parameter.kind} and refers to nothing.", name)
    if include.target and include.target not in parameter.targets:
        raise InvalidSearch(f"{shown}: {parameter.prefix} never refers to a {include.target}.", name)
    return parameter


def _link(include: Include, parameter: Parameter, searched: frozenset[str]) -> Link | None:
    found = targets(parameter) & {include.target} if include.target else targets(parameter)
    if not include.iterate:
        if include.reverse:
            found &= searched
        elif include.source not in {EVERY, *searched}:
            return None
    return Link(parameter, found, include.reverse, include.iterate) if found else None


def _leads_nowhere(include: Include, searched: frozenset[str]) -> str:
    matches = ", ".join(sorted(searched)[:5])
    shown = f"{include.name}={include.value[:100]}"
    if include.reverse:
        return f"{shown}: {include.source} does not refer to {matches} by it. Ask from another type, or :iterate."
    return f"{shown} follows references of {include.source}, and the search is for {matches}. Write {include.name}:iterate to follow those of what is included."
