"""The parts of the OpenAPI document that its operations refer to.

https://spec.openapis.org/oas/v3.1.0#components-object
"""

import re
from typing import Any, Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.operations.operation import Operation
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.negotiation import FORMATS
from fhir_server.search.compartment import COMPARTMENTS
from fhir_server.search.params.catalog import served

# Any: an OpenAPI document is an open tree of JSON.
Json = dict[str, Any]

_ID: Final = "^[A-Za-z0-9.-]{1,64}$"
_SEARCH_RESULT: Final = (
    "_format", "_pretty", "_summary", "_elements", "_count", "_sort", "_total", "_cursor", "_include", "_revinclude",
    "_list", "_contained",
)  # fmt: skip
_HEADERS: Final = {
    "create": ("Prefer", "If-None-Exist"),
    "update": ("Prefer", "If-Match", "If-None-Match"),
    "conditional-update": ("Prefer", "If-Match", "If-None-Match"),
    "patch": ("Prefer", "If-Match", "If-None-Match"),
    "conditional-patch": ("Prefer", "If-Match", "If-None-Match"),
    "delete": ("Prefer", "If-Match"),
    "conditional-delete": ("Prefer", "If-Match"),
    "read": ("If-None-Match", "If-Modified-Since"),
    "vread": ("If-None-Match", "If-Modified-Since"),
    "events-stream": ("Last-Event-ID",),
    "search-type": ("Prefer",),
    "search-by-form": ("Prefer",),
    "search-system": ("Prefer",),
    "search-system-by-form": ("Prefer",),
    "search-compartment": ("Prefer",),
    "search-compartment-by-form": ("Prefer",),
    "search-whole-compartment": ("Prefer",),
    "search-whole-compartment-by-form": ("Prefer",),
}


def parameter_refs(interaction: Interaction, type: str | None) -> list[Json]:
    """References to the path, query and header parameters of an interaction on `type` (None: on any)."""
    names = re.findall(r"{(\w+)}", "" if type else interaction.path)
    names += _HEADERS.get(interaction.name, ())
    if interaction.operation is not None:
        return [_ref(name) for name in names] + _of_operation(interaction.operation, interaction.method)
    if interaction.parameters is not None:
        known = served(type) if type else {}
        taken = {name.partition(":")[0] for name in interaction.parameters}
        names += sorted(_key(type, name) if type and name in known else name for name in taken)
    elif type is not None:
        shaping = _SEARCH_RESULT if interaction.permission == "search" else ("_format", "_pretty")
        names += [*shaping, *(_key(type, code) for code in served(type))]
    else:
        names += [*_SEARCH_RESULT, *(() if "{type}" in interaction.path else ("_type",))]
    return [_ref(name) for name in names]


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _of_operation(operation: Operation, method: str) -> list[Json]:
    """What an operation takes in its address: every parameter of its own that can stand there, and search parameters."""
    general = [_ref(name) for name in ("_format", "_pretty")]
    if method == "POST":
        return general
    own = [
        _query(one.name, one.documentation) | {"required": one.min > 0}
        for one in operation.takes
        if one.is_primitive
    ]
    found = [
        _ref(_key(type, code)) for type in operation.types for code in served(type) if operation.searches
    ]
    return [*general, *own, *found]


def search_components() -> dict[str, Json]:
    """Every search parameter of every type."""
    return {
        _key(type, code): _query(code, parameter.kind)
        for type in RESOURCE_TYPES
        for code, parameter in served(type).items()
    }


def _key(type: str, code: str) -> str:
    return f"{type}.{code}"


def _query(name: str, description: str, **schema: object) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}


def _path(name: str, description: str, **schema: object) -> Json:
    return _query(name, description, **schema) | {"in": "path", "required": True}


def _header(name: str, description: str, **schema: object) -> Json:
    return _query(name, description, **schema) | {"in": "header"}


def _answer(description: str, schema: str) -> Json:
    content = {name: {"schema": {"$ref": f"#/components/schemas/{schema}"}} for name in FORMATS}
    return {"description": description, "content": content}


def _resource(*types: str) -> Json:
    named: Json = {"type": "string"} | ({"enum": [*types]} if types else {})
    return {"type": "object", "required": ["resourceType"], "properties": {"resourceType": named}}


_PARAMETERS: Final = (
    _path("type", "A resource type", enum=[*RESOURCE_TYPES]),
    _path("id", "The id of a resource", pattern=_ID),
    _path("compartment", "The type of resource that a compartment is about", enum=[*COMPARTMENTS]),
    _path("vid", "The number of a version", pattern="^[1-9][0-9]{0,8}$"),
    _header("Prefer", "return=minimal|representation|OperationOutcome, handling=strict|lenient"),
    _header("If-Match", "The ETag of the version to replace"),
    _header("If-None-Match", "The ETag of a version the client has; `*` on a write: only when there is none"),
    _header("If-Modified-Since", "When the client last saw the resource"),
    _header("If-None-Exist", "Search parameters; made only when nothing matches"),
    _header("Last-Event-ID", "The number of the last event that the client has", pattern="^[0-9]{1,18}$"),
    _query("_format", "The format of the answer", enum=["json", *FORMATS]),
    _query("_pretty", "Whether the answer is indented", enum=["true", "false"]),
    _query("_summary", "Which elements are kept", enum=["true", "text", "data", "count", "false"]),
    _query("_elements", "The elements that are kept, separated by commas"),
    _query("_count", "The entries of a page", pattern="^[0-9]{1,4}$"),
    _query("_sort", "Search parameters to sort by, with commas between; `-` before one for the last first"),
    _query(
        "_total",
        "Whether all matches are counted, or guessed where there are many",
        enum=["none", "estimate", "accurate"],
    ),
    _query(
        "_include",
        "What matches refer to that comes with them: `Type:parameter`, `Type:parameter:Target`, `*`",
    ),
    _query("_revinclude", "What refers to matches and comes with them, in the same form"),
    _query("_list", "The id of a List whose items are wanted"),
    _query("_contained", "Contained resources are never searched", enum=["false"]),
    _query("_type", "The types that are searched, separated by commas"),
    _query("_cursor", "The place of a page, from a next link"),
    _query("_since", "Only versions made at this instant or later"),
    _query("_at", "Only versions that were current in this period"),
    _query("_before", "The place of a page, from a next link"),
    _query("mode", "What of the capabilities", enum=["full"]),
    _query("eventsSinceNumber", "The number of the first event that is wanted", pattern="^[0-9]{1,18}$"),
)

COMPONENTS: Final[Json] = {
    "parameters": {parameter["name"]: parameter for parameter in _PARAMETERS},
    "schemas": {
        "Resource": _resource(*RESOURCE_TYPES),
        "Bundle": _resource("Bundle"),
        "OperationOutcome": _resource("OperationOutcome"),
        "JsonPatch": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["op", "path"],
                "properties": {
                    "op": {"enum": ["add", "remove", "replace", "move", "copy", "test"]},
                    "path": {"type": "string"},
                    "from": {"type": "string"},
                    "value": {},
                },
            },
        },
        "Form": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "responses": {
        "Resource": _answer("The resource", "Resource"),
        "Bundle": _answer("The resources found", "Bundle"),
        "Outcome": _answer("What was done", "OperationOutcome"),
        "Refusal": _answer("Why not, as an OperationOutcome", "OperationOutcome"),
        "Nothing": {"description": "No content"},
        "Events": {
            "description": "Events as they happen: a handshake, then notification Bundles under their numbers, and `gap`, "
            "`heartbeat` and `end` by these names",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        "Part": {
            "description": "The part of a Binary's content that Range asks for",
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
    "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
}
