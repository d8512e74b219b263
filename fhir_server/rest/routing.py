"""From method and path to the interaction that is asked for.

https://hl7.org/fhir/R4/http.html#summary
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidRequest, MethodNotAllowed, NotFound
from fhir_server.rest.call import Target
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.request import Request

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


class Routes:
    """The interactions of a catalog by path and method."""

    def __init__(self, catalog: Sequence[Interaction]) -> None:
        self._by_path: dict[str, dict[str, Interaction]] = {}
        for interaction in catalog:
            self._by_path.setdefault(interaction.path, {})[interaction.method] = interaction

    def target(self, request: Request) -> Target:
        """The interaction and what it is on; HEAD is served by GET.

        Raises NotFound for an address that is not R4's or not served, MethodNotAllowed for a method it does not take.
        """
        path, type, id, version = _taken_apart(request.segments)
        if path.startswith("/{type}") and type not in RESOURCE_TYPES:
            raise NotFound(f"{type[:60]!r} is not a resource type of R4. Types are case-sensitive.")
        methods = self._methods(path, type)
        if not methods:
            raise NotFound(f"Nothing is served at {path or '/'}. /metadata lists what is.")
        interaction = methods.get("GET" if request.method == "HEAD" else request.method)
        if interaction is None:
            raise _not_allowed(request.method, path, methods)
        if "{id}" in path and not _ID.fullmatch(id):
            raise _bad_id(interaction, type, id)
        return Target(interaction, type, id, version)

    def allowed(self, request: Request) -> tuple[str, ...]:
        """The methods that the address takes; none for one that is not served."""
        path, type, _, _ = _taken_apart(request.segments)
        return _allowed(self._methods(path, type))

    def _methods(self, path: str, type: str) -> Mapping[str, Interaction]:
        """The interactions at `path`: those of every type, else those of this type alone."""
        found = self._by_path.get(path)
        return self._by_path.get(path.replace("{type}", type), {}) if found is None else found


_SYSTEM: Final = frozenset({"metadata", "_history"})
_ON_TYPE: Final = frozenset({"_search", "_history"})


def _taken_apart(segments: tuple[str, ...]) -> tuple[str, str, str, str]:
    """The path as the catalog writes it, then type, id and version where it has them."""
    match segments:
        case (first,) if first in _SYSTEM or first[:1] == "$":
            return f"/{first[:80]}", "", "", ""
        case (type,):
            return "/{type}", type, "", ""
        case (type, last) if last in _ON_TYPE or last[:1] == "$":
            return f"/{{type}}/{last[:80]}", type, "", ""
        case (type, id) if id[:1] not in ("_", "$"):
            return "/{type}/{id}", type, id, ""
        case (type, id, "_history"):
            return "/{type}/{id}/_history", type, id, ""
        case (type, id, operation) if operation[:1] == "$":
            return f"/{{type}}/{{id}}/{operation[:80]}", type, id, ""
        case (type, id, "_history", version, operation) if operation[:1] == "$":
            return f"/{{type}}/{{id}}/_history/{{vid}}/{operation[:80]}", type, id, version
        case (type, id, "_history", version):
            return "/{type}/{id}/_history/{vid}", type, id, version
        case _:
            return "/" + "/".join(segments)[:80], "", "", ""


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
