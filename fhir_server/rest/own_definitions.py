"""The server's own definitions, read like any other: where none is stored under the id.

https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource.operation.definition
"""

from collections.abc import Mapping
from typing import Final

from fhir_server.json import dumps
from fhir_server.operations.catalog import CATALOG
from fhir_server.operations.definition import definition
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.rest.capabilities import RELEASED
from fhir_server.rest.shape import shaped
from mappers import signal_quality

_OPERATIONS: Final = {operation.id: operation for operation in CATALOG}
_EXTENSIONS: Final = {signal_quality.ID: signal_quality.DEFINITION}


def own_definition(call: Call) -> Answer | None:
    """The definition of the operation or extension that the address names; None where it names none of ours."""
    tree = _own(call)
    return None if tree is None else Answer(200, shaped(call.request, call.target.type, dumps(tree)))


def _own(call: Call) -> Mapping[str, object] | None:
    match call.target.type:
        case "OperationDefinition":
            operation = _OPERATIONS.get(call.target.id)
            return None if operation is None else definition(operation, call.request.base, RELEASED)
        case "StructureDefinition":
            return _EXTENSIONS.get(call.target.id)
    return None
