"""The CapabilityStatement, made of the catalogs that serve the requests, so that it cannot lie.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from fhir_server import __version__
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.json import JsonObject, JsonValue, dumps
from fhir_server.operations.definition import url
from fhir_server.rest import subscription_capabilities
from fhir_server.rest.answer import Answer
from fhir_server.rest.audit_events import TYPE as AUDIT
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.negotiation import FORMATS, PATCH
from fhir_server.search.audit_query import PARAMETERS
from fhir_server.search.compartment import COMPARTMENTS
from fhir_server.search.include import references, referring_to
from fhir_server.search.params.catalog import served
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.sort import sortable
from smart_auth.addresses import addresses

RELEASED: Final = "2026-01-01"
_COMPARTMENT: Final = "http://hl7.org/fhir/CompartmentDefinition"
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SERVICES: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_SYSTEM_PATHS: Final = ("/", "/_history")


def capabilities(catalog: Sequence[Interaction], *, secured: bool) -> Callable[[str], Answer]:
    """A function from a base address to the statement of `catalog` there, with its ETag."""

    @lru_cache(maxsize=8)
    def statement(base: str) -> Answer:
        body = dumps(_statement(_rest(catalog, base, secured=secured), base))
        tag = b'W/"' + blake2b(body, digest_size=8).hexdigest().encode() + b'"'
        return Answer(200, body, ((b"etag", tag),))

    return statement


def _statement(rest: JsonObject, base: str) -> JsonObject:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": RELEASED,
        "kind": "instance",
        "instantiates": [subscription_capabilities.INSTANTIATES],
        "software": {"name": "fhir-server", "version": __version__},
        "implementation": {"description": "A FHIR R4 server for device data", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json", *FORMATS],
        "patchFormat": [PATCH],
        "rest": [rest],
    }


def _rest(catalog: Sequence[Interaction], base: str, *, secured: bool) -> JsonObject:
    rest: JsonObject = {
        "extension": [subscription_capabilities.websockets(base)],
        "mode": "server",
        "security": _security(base, secured=secured),
        "resource": [
            _audit(catalog) if type == AUDIT else _resource(catalog, base, type) for type in RESOURCE_TYPES
        ],
        "compartment": [f"{_COMPARTMENT}/{name.lower()}" for name in COMPARTMENTS],
    }
    system = _codes(interaction for interaction in catalog if interaction.path in _SYSTEM_PATHS)
    if system:
        rest["interaction"] = system
    operations = _operations(
        (interaction for interaction in catalog if interaction.path.startswith("/$")), base
    )
    return rest | ({"operation": operations} if operations else {})


def _security(base: str, *, secured: bool) -> JsonObject:
    """How callers prove themselves; older apps read the addresses from here."""
    if not secured:
        return {"cors": True, "description": "Everyone on this machine is let in."}
    here = addresses(base)
    uris = {
        "authorize": here.authorize,
        "token": here.token,
        "introspect": here.introspect,
        "revoke": here.revoke,
        "manage": here.apps,
    }
    return {
        "extension": [
            {"url": _OAUTH_URIS, "extension": [{"url": name, "valueUri": uri} for name, uri in uris.items()]}
        ],
        "cors": True,
        "service": [{"coding": [{"system": _SERVICES, "code": "SMART-on-FHIR"}]}],
        "description": "OAuth 2 as SMART App Launch and SMART Backend Services have it.",
    }


def _resource(catalog: Sequence[Interaction], base: str, type: str) -> JsonObject:
    names = {interaction.name for interaction in catalog}
    tree: JsonObject = {
        "type": type,
        "interaction": _codes(
            interaction for interaction in catalog if interaction.path.startswith("/{type}")
        ),
        **(subscription_capabilities.served(base) if type == subscription_capabilities.SUBSCRIPTION else {}),
        "versioning": "versioned-update",
        "readHistory": "vread" in names,
        "updateCreate": "update" in names,
        "conditionalCreate": "create" in names,
        "conditionalRead": "full-support",
        "conditionalUpdate": "conditional-update" in names,
        "conditionalDelete": "single" if "conditional-delete" in names else "not-supported",
    }
    includes: list[JsonValue] = [f"{type}:{one.code}" for one in references(type)]
    referrers: list[JsonValue] = [f"{one.resource_type}:{one.code}" for one in referring_to(type)]
    parameters: list[JsonValue] = [_search_parameter(one) for _, one in sorted(served(type).items())]
    if includes:
        tree["searchInclude"] = ["*", *includes]
    if referrers:
        tree["searchRevInclude"] = ["*", *referrers]
    if parameters:
        tree["searchParam"] = parameters
    operations = _operations(
        (interaction for interaction in catalog if interaction.path.startswith(("/{type}/", f"/{type}/"))),
        base,
    )
    return tree | ({"operation": operations} if operations else {})


def _audit(catalog: Sequence[Interaction]) -> JsonObject:
    """AuditEvent, which is served apart: the server alone makes it."""
    known = served(AUDIT)
    return {
        "type": AUDIT,
        "documentation": "Made by the server alone, for whoever may audit it.",
        "interaction": _codes(one for one in catalog if one.path.startswith(f"/{AUDIT}")),
        "versioning": "no-version",
        "readHistory": False,
        "updateCreate": False,
        "conditionalCreate": False,
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "searchParam": [_search_parameter(known[name]) for name in sorted(PARAMETERS) if name in known],
    }


def _search_parameter(parameter: Parameter) -> JsonObject:
    tree: JsonObject = {"name": parameter.code, "definition": parameter.url, "type": parameter.kind}
    if parameter.code in sortable(parameter.resource_type):
        return tree
    return tree | {"documentation": "`_sort` does not take it."}


def _operations(interactions: Iterable[Interaction], base: str) -> list[JsonValue]:
    """The operations among `interactions`, each once, with the address of its definition here."""
    found = {one.operation.code: url(one.operation, base) for one in interactions if one.operation}
    return [{"name": code, "definition": definition} for code, definition in found.items()]


def _codes(interactions: Iterable[Interaction]) -> list[JsonValue]:
    codes = dict.fromkeys(
        code
        for interaction in interactions
        for code in (interaction.code, interaction.further_code)
        if code and interaction.operation is None
    )
    return [{"code": code} for code in codes]
