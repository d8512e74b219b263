"""The OpenAPI document of `/fhir`, written from the catalogs that serve it.

https://spec.openapis.org/oas/v3.1.0
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.rest.audit_events import TYPE as AUDIT
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.negotiation import FORM, FORMATS, PATCH
from fhir_server.rest.openapi_components import COMPONENTS, parameter_refs, search_components
from fhir_server.rest.request import PREFIX
from fhir_server.rest.smart.described import SCHEMES

# Any: an OpenAPI document is an open tree of JSON.
Json = dict[str, Any]

_REFUSALS: Final = (400, 401, 403, 404, 405, 406, 414, 429, 503)
_REFUSALS_OF_BODIES: Final = (413, 415)
_OF_TYPES: Final = ("/{type}", "/{type}/_search")


def document(app: FastAPI, catalog: Sequence[Interaction]) -> Callable[[], Json]:
    """A function that gives the document of `app` with all of `catalog`; made at the first call."""

    @cache
    def openapi() -> Json:
        described: Json = get_openapi(title=app.title, version=app.version, routes=app.routes)
        described["paths"] |= _paths(catalog)
        components = described.setdefault("components", {})
        for kind, entries in COMPONENTS.items():
            components[kind] = components.get(kind, {}) | entries
        components["parameters"] |= search_components()
        components["securitySchemes"] |= SCHEMES
        return described

    return openapi


def _paths(catalog: Sequence[Interaction]) -> dict[str, Json]:
    paths: dict[str, Json] = {}
    for interaction in catalog:
        for path, type in _addresses(interaction):
            paths.setdefault(path, {})[interaction.method.lower()] = _operation(interaction, type)
    return paths


def _addresses(interaction: Interaction) -> Iterator[tuple[str, str | None]]:
    """The paths of an interaction; those whose parameters differ by type have one for each."""
    if interaction.path in _OF_TYPES:
        for type in RESOURCE_TYPES:
            if type != AUDIT:
                yield PREFIX + interaction.path.replace("{type}", type), type
    elif interaction.path.startswith(f"/{AUDIT}"):
        yield PREFIX + interaction.path, None if "{" in interaction.path else AUDIT
    else:
        yield PREFIX + interaction.path, None


def _operation(interaction: Interaction, type: str | None) -> Json:
    operation: Json = {
        "operationId": f"{interaction.name}-{type}" if type else interaction.name,
        "summary": interaction.title,
        "tags": [type or "FHIR"],
        "parameters": parameter_refs(interaction, type),
        "responses": _responses(interaction),
        "security": [] if interaction.public else [{"bearer": []}],
    }
    if interaction.takes != "nothing":
        operation["requestBody"] = _request_body(interaction, type)
    return operation


def _request_body(interaction: Interaction, type: str | None) -> Json:
    if interaction.takes == "form":
        return {"content": {FORM: {"schema": {"$ref": "#/components/schemas/Form"}}}}
    if interaction.takes == "patch":
        return {"required": True, "content": {PATCH: {"schema": {"$ref": "#/components/schemas/JsonPatch"}}}}
    schema = {"$ref": "#/components/schemas/Resource"}
    required = interaction.takes != "parameters"
    content: Json = {name: {"schema": schema} for name in FORMATS}
    if type == "Binary" and interaction.takes == "resource":
        content["*/*"] = {"schema": {"type": "string", "format": "binary"}}
    return {"required": required, "content": content}


def _responses(interaction: Interaction) -> Json:
    refused = _REFUSALS + (_REFUSALS_OF_BODIES if interaction.takes != "nothing" else ())
    responses = {str(status): {"$ref": "#/components/responses/Refusal"} for status in refused}
    for status in interaction.statuses:
        responses[str(status)] = {"$ref": f"#/components/responses/{_response(interaction, status)}"}
    return responses


def _response(interaction: Interaction, status: int) -> str:
    if status >= 400:
        return "Refusal"
    if status in (204, 304):
        return "Nothing"
    if status == 206:
        return "Part"
    known = {"Bundle": "Bundle", "nothing": "Outcome", "event-stream": "Events"}
    return known.get(interaction.gives, "Resource")
