"""An operation as its OperationDefinition.

https://hl7.org/fhir/R4/operationdefinition.html
"""

from fhir_server.json import JsonObject, JsonValue
from fhir_server.operations.operation import Operation, Parameter

_SEARCH: Parameter = Parameter(
    "[search parameter]", "string", 0, "*", "Any search parameter of the type, modifiers included."
)


def url(operation: Operation, base_url: str) -> str:
    """The canonical address of the definition at the server `base_url`."""
    return f"{base_url}/OperationDefinition/{operation.id}"


def definition(operation: Operation, base_url: str, date: str) -> JsonObject:
    """The OperationDefinition, valid R4; `base` names R4's own where this is a form of one."""
    tree: JsonObject = {
        "resourceType": "OperationDefinition",
        "id": operation.id,
        "url": url(operation, base_url),
        "name": _name(operation),
        "title": operation.title,
        "status": "active",
        "kind": "operation",
        "date": date,
        "description": operation.description,
        "affectsState": operation.affects_state,
        "code": operation.code,
    }
    if operation.base is not None:
        tree["base"] = operation.base
    tree["resource"] = [*(operation.types or ("Resource",))]
    tree |= {
        "system": "system" in operation.levels,
        "type": "type" in operation.levels,
        "instance": bool({"instance", "version"} & operation.levels.keys()),
    }
    listed = [
        _parameter(one, "in") for one in (*operation.takes, *((_SEARCH,) if operation.searches else ()))
    ]
    listed += [_parameter(one, "out") for one in operation.gives]
    if listed:
        tree["parameter"] = listed
    return tree


def _name(operation: Operation) -> str:
    """The id as a name that machines can use, as opd-0 wants it: `ObservationLastn`."""
    return "".join(part[0].upper() + part[1:] for part in operation.id.split("-"))


def _parameter(parameter: Parameter, use: str) -> JsonValue:
    tree: JsonObject = {
        "name": parameter.name,
        "use": use,
        "min": parameter.min,
        "max": parameter.max,
        "documentation": parameter.documentation,
        "type": parameter.type,
    }
    return tree
