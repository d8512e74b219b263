"""JSON Patch: operations that are applied to a resource in order, or not at all.

https://www.rfc-editor.org/rfc/rfc6902
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jsonpatch
from jsonpointer import JsonPointer, JsonPointerException

from fhir_server.errors import InvalidRequest, Unprocessable
from fhir_server.json import MAX_DEPTH, JsonObject, JsonValue, parse_array

MOST_OPERATIONS: Final = 1_000
MOST_NODES: Final = 100_000  # objects, arrays and values that one patch may bring, move or copy

_NEEDS: Final[Mapping[str, str | None]] = {
    "add": "value",
    "remove": None,
    "replace": "value",
    "move": "from",
    "copy": "from",
    "test": "value",
}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """The operations of a patch, well formed; whether they can be applied depends on the resource."""

    operations: tuple[JsonObject, ...]

    def writes(self, member: str) -> bool:
        """Whether an operation changes the top-level `member` or something below it, or replaces the whole."""
        return any(
            member in (pointer.parts or [member])[:1]
            for operation in self.operations
            if operation["op"] != "test"
            for pointer in _pointers(operation)
        )


def parsed(text: bytes) -> JsonPatch:
    """The patch in `text`. Raises InvalidJson, or InvalidRequest that names the operation that is none of RFC 6902."""
    document = parse_array(text)
    if len(document) > MOST_OPERATIONS:
        raise InvalidRequest(
            f"The patch has {len(document)} operations and may have {MOST_OPERATIONS}. Split it."
        )
    return JsonPatch(tuple(_checked(number, node) for number, node in enumerate(document)))


def applied(patch: JsonPatch, resource_type: str, tree: JsonValue) -> JsonValue:
    """`tree`, read by `json.exact` and changed in place, as the operations leave it.

    Raises Unprocessable, naming operation and element, for a test that fails, a path that leads nowhere, or a result
    that would be too large; then `tree` is of no more use.
    """
    nodes = 0
    for number, operation in enumerate(patch.operations):
        try:
            nodes += _extent(operation, tree)
            if nodes > MOST_NODES:
                raise _refusal(
                    f"brings the patch beyond {MOST_NODES} values", number, operation, resource_type
                )
            tree = jsonpatch.JsonPatch([operation]).apply(tree, in_place=True)
        except jsonpatch.JsonPatchTestFailed as error:
            raise _refusal(
                "does not hold: the value there is another", number, operation, resource_type
            ) from error
        except (jsonpatch.JsonPatchException, JsonPointerException) as error:
            raise _refusal(
                "leads to nothing that it could change", number, operation, resource_type
            ) from error
    return tree


def _checked(number: int, node: JsonValue) -> JsonObject:
    if not isinstance(node, dict):
        raise _malformed(number, "is no JSON object")
    name = node.get("op")
    if not isinstance(name, str) or name not in _NEEDS:
        raise _malformed(number, f"has the op {str(name)[:40]!r}; use one of {', '.join(_NEEDS)}")
    for member in ("path", _NEEDS[name]):
        if member is not None and member not in node:
            raise _malformed(number, f"has no {member!r}, which {name} needs")
    for member in _places(name):
        try:
            _pointer(node[member])
        except JsonPointerException as error:
            fault = f"has {member} {str(node[member])[:80]!r}, which is no JSON Pointer: write /name/0/family"
            raise _malformed(number, fault) from error
    return node


def _malformed(number: int, fault: str) -> InvalidRequest:
    return InvalidRequest(f"Operation {number + 1} of the patch {fault}. See RFC 6902.")


def _pointers(operation: JsonObject) -> list[JsonPointer]:
    """Where the operation writes, then what it takes from there."""
    return [_pointer(operation[member]) for member in _places(operation["op"])]


def _places(name: JsonValue) -> Sequence[str]:
    """The members that an operation of that name has for its places."""
    return ("path", "from") if name in {"move", "copy"} else ("path",)


def _pointer(path: JsonValue) -> JsonPointer:
    if not isinstance(path, str):
        raise JsonPointerException("a pointer is a string")
    return JsonPointer(path)


def _extent(operation: JsonObject, tree: JsonValue) -> int:
    """How many values the operation brings; raises JsonPointerException when they would be nested too deep."""
    target, *source = _pointers(operation)
    level = [source[0].resolve(tree) if source else operation.get("value")]
    depth, nodes = len(target.parts), 0
    while level and nodes <= MOST_NODES:
        if depth > MAX_DEPTH:
            raise JsonPointerException("nested too deep")
        nodes += len(level)
        level = [child for node in level for child in _children(node)]
        depth += 1
    return nodes


def _children(node: JsonValue) -> Sequence[JsonValue]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else ()


def _refusal(fault: str, number: int, operation: JsonObject, resource_type: str) -> Unprocessable:
    path = str(operation["path"])
    return Unprocessable(
        f"Operation {number + 1} of the patch, {operation['op']} {path[:80]!r}, {fault}. Read the resource again.",
        _element(resource_type, path),
    )


def _element(resource_type: str, path: str) -> str:
    """The FHIRPath of what a JSON Pointer names, as far as it names elements."""
    expression = resource_type
    for part in JsonPointer(path).parts:
        if part.isascii() and part.isdecimal():
            expression += f"[{part[:9]}]"
        elif _NAME.fullmatch(part):
            expression += f".{part[:64]}"
        else:
            break
    return expression
