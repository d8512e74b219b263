"""From method and path to the interaction that is asked for.

https://hl7.org/fhir/R4/http.html#summary
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidRequest, MethodNotAllowed, NotFound
from fhir_server.rest.call import Target
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.request import Request
from fhir_server.search.compartment import COMPARTMENTS

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


class Routes:
    """The interactions of a catalog by path and method."""

    def __init__(self, catalog: Sequence[Interaction]) -> None:
        self._by_path: dict[str, dict[str, Interaction]] = {}
        for interaction in catalog:
            self._by_path.setdefault(interaction.path, {})[interaction.method] = interaction
        self._apart = frozenset(type for type in RESOURCE_TYPES if f"/{type}" in self._by_path)

    def target(self, request: Request) -> Target:
        """The interaction and what it is on; HEAD is served by GET.

        Raises NotFound for an address that is not R4's or not served, MethodNotAllowed for a method it does not take.
        """
        address = _taken_apart(request.segments)
        path, type, id, _, compartment = address
        if "/{type}" in path and type not in RESOURCE_TYPES:
            raise NotFound(f"{type[:60]!r} is not a resource type of R4. Types are case-sensitive.")
        if "/{compartment}" in path and compartment not in COMPARTMENTS:
            raise NotFound(f"There is no {compartment[:60]} compartment, only {', '.join(COMPARTMENTS)}.")
        methods = self._methods(path, type)
        if not methods:
            here = "/".join(request.segments)[:100]
            raise NotFound(f"Nothing is served at /{here}. /metadata lists what is.")
        interaction = methods.get("GET" if request.method == "HEAD" else request.method)
        if interaction is None:
            raise _not_allowed(request.method, path, methods)
        if "{id}" in path and not _ID.fullmatch(id):
            raise _bad_id(interaction, compartment or type, id)
        return Target(interaction, *address[1:])

    def allowed(self, request: Request) -> tuple[str, ...]:
        """The methods that the address takes; none for one that is not served."""
        address = _taken_apart(request.segments)
        return _allowed(self._methods(address.path, address.type))

    def _methods(self, path: str, type: str) -> Mapping[str, Interaction]:
        """The interactions at `path`: those of every type, else those of this type alone.

        A type that is served apart, at an address of its own, has none of those of every type.
        """
        if type in self._apart:
            return self._by_path.get(path.replace("{type}", type), {})
        found = self._by_path.get(path)
        return self._by_path.get(path.replace("{type}", type), {}) if found is None else found


class _Address(NamedTuple):
    """The path as the catalog writes it, then what it names, where it does."""

    path: str
    type: str = ""
    id: str = ""
    version: str = ""
    compartment: str = ""


_SYSTEM: Final = frozenset({"metadata", "_history", "_search"})
_ON_TYPE: Final = frozenset({"_search", "_history"})


def _taken_apart(segments: tuple[str, ...]) -> _Address:
    match segments:
        case (first,) if first in _SYSTEM or first[:1] == "$":
            return _Address(f"/{first[:80]}")
        case ("_job", id):
            return _Address("/_job/{id}", "", id)
        case (type,):
            return _Address("/{type}", type)
        case (type, last) if last in _ON_TYPE or last[:1] == "$":
            return _Address(f"/{{type}}/{last[:80]}", type)
        case (type, id) if id[:1] not in ("_", "$"):
            return _Address("/{type}/{id}", type, id)
        case (type, id, "_history"):
            return _Address("/{type}/{id}/_history", type, id)
        case (type, id, operation) if operation[:1] == "$":
            return _Address(f"/{{type}}/{{id}}/{operation[:80]}", type, id)
        case (type, id, "_history", version, operation) if operation[:1] == "$":
            return _Address(f"/{{type}}/{{id}}/_history/{{vid}}/{operation[:80]}", type, id, version)
        case (type, id, "_history", version):
            return _Address("/{type}/{id}/_history/{vid}", type, id, version)
        case (compartment, id, "*" | "_search" as last):
            return _Address(f"/{{compartment}}/{{id}}/{last}", "", id, "", compartment)
        case (compartment, id, type) if type[:1] != "_":
            return _Address("/{compartment}/{id}/{type}", type, id, "", compartment)
        case (compartment, id, type, "_search"):
            return _Address("/{compartment}/{id}/{type}/_search", type, id, "", compartment)
        case _:
            return _Address("/" + "/".join(segments)[:80])


def _allowed(methods: Mapping[str, Interaction]) -> tuple[str, ...]:
    head = ("HEAD",) if "GET" in methods else ()
    return (*methods, *head, "OPTIONS") if methods else ()


def _not_allowed(method: str, path: str, methods: Mapping[str, Interaction]) -> MethodNotAllowed:
    allowed = _allowed(methods)
    return MethodNotAllowed(
        f"{method[:20]} is not served at {path}. Use {', '.join(allowed)}.", allowed=allowed
    )


def _bad_id(interaction: Interaction, type: str, id: str) -> Exception:
    text = f"{id[:80]!r} is not an id: 1 to 64 letters, digits, hyphens and points."
    if interaction.takes == "resource":
        return InvalidRequest(f"{text} Choose another.", f"{type}.id")
    return NotFound(f"{text} No {type} can have it.")
