"""`$reindex`: what resources are found by, made anew in the background.

https://hl7.org/fhir/R4/async.html
"""

from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidRequest, Issue
from fhir_server.operations import reindexing
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result, resource
from fhir_server.outcomes import operation_outcome


async def serve(call: Invocation) -> Result:
    """202 and where to ask how far it has come; a reindex of the same types that is not done yet is not begun twice.

    Raises InvalidRequest for a type that R4 does not have.
    """
    types = sorted(set(call.arguments.texts("type")))
    for type in types:
        if type not in RESOURCE_TYPES:
            raise InvalidRequest(f"type is {type[:60]!r}, which is no resource type of R4.", "type")
    async with call.database.connection() as connection:
        job = await reindexing.ask(connection, call.principal.subject, types, call.base_url)
    where = f"{call.base_url}/_job/{job.id}"
    told = Issue("informational", f"The reindex goes on in the background. Ask {where}.", None, "information")
    answer = resource(operation_outcome((told,)), 202)
    return Result(answer.body, answer.status, ((b"content-location", where.encode()),))


REINDEX: Final = Operation(
    id="reindex",
    code="reindex",
    title="Rebuild what searches go by",
    description="Makes the search index of all resources, or of some types, anew from what is stored. It goes on in the "
    "background: the answer is 202 with a Content-Location that tells how far it has come, and takes DELETE.",
    levels={"system": "administer"},
    types=(),
    takes=(Parameter("type", "code", 0, "*", "A resource type; all of them without it."),),
    gives=(Parameter("return", "OperationOutcome", 1, "1", "Where to ask how far it has come."),),
    affects_state=True,
    serve=serve,
)
