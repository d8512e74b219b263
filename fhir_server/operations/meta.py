"""`$meta`: the profiles, tags and security labels of a resource, of a version, of a type, or of all.

https://hl7.org/fhir/R4/resource-operation-meta.html
"""

from typing import Final

import orjson

from fhir_server.errors import NotFound
from fhir_server.interactions.read import read
from fhir_server.interactions.vread import vread
from fhir_server.json import JsonObject, stored
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result, parameters
from fhir_server.store import labels

KINDS: Final = ("profile", "tag", "security")
MOST: Final = 10_000
"""Resources that are looked at for a type or for all: those changed last."""

_ABSENT: Final[JsonObject] = {  # R4 has a `return` always, and JSON no empty object
    "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
    "valueCode": "not-applicable",
}


async def serve(call: Invocation) -> Result:
    """Parameters with the Meta; raises NotFound or Gone where there is no such resource or version that the caller may see."""
    match call.level:
        case "instance":
            version = await read(call.database, call.type, call.id, call.access, base_url=call.base_url)
            return told(meta_of(stored(version.body or b"")))
        case "version":
            version = await vread(
                call.database, call.type, call.id, number(call), call.access, base_url=call.base_url
            )
            return told(meta_of(stored(version.body or b"")))
    return await _in_use(call)


def told(meta: JsonObject) -> Result:
    """The Meta as the out parameter `return`."""
    return parameters({"name": "return", "valueMeta": meta})


def meta_of(tree: JsonObject) -> JsonObject:
    """The Meta of a resource, which every stored one has."""
    meta = tree.get("meta")
    assert isinstance(meta, dict)
    return meta


def number(call: Invocation) -> int:
    """The number of the version in the address; raises NotFound for what is none."""
    if not (call.version.isascii() and call.version.isdigit()):
        raise NotFound(f"{call.type}/{call.id} has no version {call.version[:40]!r}. Versions are numbers.")
    return int(call.version[:12])


async def _in_use(call: Invocation) -> Result:
    async with call.database.connection() as connection:
        count, found = await labels.in_use(connection, call.type or None, call.access, MOST)
    lists = {name: orjson.loads(text) for name, text in zip(KINDS, found, strict=True) if text is not None}
    return parameters(
        {"name": "return", "valueMeta": lists or {"extension": [_ABSENT]}},
        {"name": "looked-at", "valueInteger": count},
    )


META: Final = Operation(
    id="Resource-meta",
    code="meta",
    title="Profiles, tags and security labels",
    description="The Meta of a resource or of one of its versions; or the profiles, tags and security labels in use on "
    f"a type or on all, as far as the {MOST} resources that were changed last show them.",
    levels={"system": "search", "type": "search", "instance": "read", "version": "read"},
    types=(),
    takes=(),
    gives=(
        Parameter("return", "Meta", 1, "1", "The Meta; an extension says so where nothing is in use."),
        Parameter(
            "looked-at", "integer", 0, "1", "How many resources were looked at, for a type or for all."
        ),
    ),
    affects_state=False,
    serve=serve,
    base="http://hl7.org/fhir/OperationDefinition/Resource-meta",
)
