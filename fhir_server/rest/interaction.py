"""An entry of the catalog of interactions.

https://hl7.org/fhir/R4/valueset-restful-interaction.html
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from fhir_server.operations.operation import Operation
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call


@dataclass(frozen=True, slots=True)
class Interaction:
    """What is served at one method and path.

    `code` is R4's name of it, where R4 has one; `permission` what the access predicate is asked for; `parameters` the
    query parameters it takes, None where search parameters are; `statuses` are the ones it answers with of its own;
    `further_code` a second one of R4's names; `operation` the entry of the catalog of operations that it serves.
    """

    name: str
    code: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    title: str
    permission: str
    parameters: frozenset[str] | None
    takes: Literal["nothing", "resource", "form", "parameters", "patch", "bundle"]
    gives: Literal["resource", "Bundle", "CapabilityStatement", "event-stream", "nothing"]
    statuses: tuple[int, ...]
    serve: Callable[[Call], Awaitable[Answer]]
    public: bool = False
    operation: Operation | None = None
    further_code: str | None = None
