"""Operations over HTTP: their addresses, their arguments from GET or POST, their results as answers.

https://hl7.org/fhir/R4/operations.html#executing
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fhir_server.clock import now
from fhir_server.interactions.condition import UNCONDITIONAL
from fhir_server.operations.arguments import arguments
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.operation import Level, Operation
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call, Serve
from fhir_server.rest.demands import condition
from fhir_server.rest.interaction import Interaction

_PATHS: Final[Mapping[Level, str]] = {
    "system": "/${code}",
    "type": "/{type}/${code}",
    "instance": "/{type}/{id}/${code}",
    "version": "/{type}/{id}/_history/{vid}/${code}",
}
_GENERAL: Final = frozenset({"_format", "_pretty"})


def interactions(operations: Sequence[Operation]) -> Iterator[Interaction]:
    """The interactions that serve `operations`: one for each level, type it is limited to, and method."""
    for operation in operations:
        for level in operation.levels:
            for path in _paths(operation, level):
                yield _interaction(operation, level, path, by_address=False)
                if operation.by_address:
                    yield _interaction(operation, level, path, by_address=True)


def _paths(operation: Operation, level: Level) -> list[str]:
    path = _PATHS[level].replace("{code}", operation.code)
    if level == "system" or not operation.types:
        return [path]
    return [path.replace("{type}", type) for type in operation.types]


def _interaction(operation: Operation, level: Level, path: str, *, by_address: bool) -> Interaction:
    name = f"{operation.code}-{level}"
    return Interaction(
        name=name if by_address else f"{name}-posted",
        code="operation",
        method="GET" if by_address else "POST",
        path=path,
        title=operation.title,
        permission=operation.levels[level],
        parameters=None,
        takes="nothing" if by_address else "parameters",
        gives="resource",
        statuses=_statuses(operation, level),
        serve=_serving(operation, level),
        operation=operation,
    )


def _statuses(operation: Operation, level: Level) -> tuple[int, ...]:
    of_instances = (404, 410, 412) if level in ("instance", "version") else ()
    return (200, 422, *of_instances, *((202, 409) if operation.affects_state else ()))


def _serving(operation: Operation, level: Level) -> Serve:
    async def serve(call: Call) -> Answer:
        if operation.by_index:
            call.house.background.refuse_blindness()
        result = await operation.serve(_invocation(call, operation, level))
        return Answer(result.status, result.body, result.headers, result.stream)

    return serve


def _invocation(call: Call, operation: Operation, level: Level) -> Invocation:
    request, house = call.request, call.house
    pairs = [pair for pair in request.pairs if pair[0] not in _GENERAL]
    return Invocation(
        level=level,
        type=call.target.type,
        id=call.target.id,
        version=call.target.version,
        arguments=arguments(operation, pairs, call.body.strip()),
        access=call.access,
        principal=call.principal,
        condition=condition(call) if request.method == "POST" else UNCONDITIONAL,
        now=now(),
        base_url=request.base,
        here="/".join((request.base, *request.segments)),
        database=house.database,
        settings=house.settings,
        cursor_key=house.cursor_key,
        terminology=house.terminology,
        signing_secret=house.signing_secret,
    )
