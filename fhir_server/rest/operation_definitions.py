"""The server's own OperationDefinitions, read like any other: where none is stored under the id.

https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource.operation.definition
"""

from typing import Final

from fhir_server.json import dumps
from fhir_server.operations.catalog import CATALOG
from fhir_server.operations.definition import definition
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.rest.capabilities import RELEASED
from fhir_server.rest.shape import shaped

TYPE: Final = "OperationDefinition"

_OWN: Final = {operation.id: operation for operation in CATALOG}


def own_definition(call: Call) -> Answer | None:
    """The definition of the operation that the address names; None where it names none of ours."""
    operation = _OWN.get(call.target.id) if call.target.type == TYPE else None
    if operation is None:
        return None
    body = dumps(definition(operation, call.request.base, RELEASED))
    return Answer(200, shaped(call.request, TYPE, body))
