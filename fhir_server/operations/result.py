"""What an operation gives back.

https://hl7.org/fhir/R4/operations.html#response
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fhir_server.json import JsonObject, dumps


@dataclass(frozen=True, slots=True)
class Result:
    """`body` is JSON text; `stream` its parts as they come where it is too large to be held; `headers` lines beyond the usual."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    stream: AsyncIterator[bytes] | None = None


def resource(tree: JsonObject, status: int = 200) -> Result:
    """The result that is one resource, the out parameter `return`."""
    return Result(dumps(tree), status)


def parameters(*out: JsonObject) -> Result:
    """The result that is several values: each of `out` a `Parameters.parameter`."""
    return Result(dumps({"resourceType": "Parameters", "parameter": list(out)}))
