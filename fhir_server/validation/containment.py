"""The rules of resources inside resources: dom-2 to dom-5, and what `#id` names.

https://hl7.org/fhir/R4/references.html#contained
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Node: TypeAlias = Mapping[str, Any]  # a JSON object


@dataclass(frozen=True, slots=True)
class ContainmentFault:
    """What is wrong at `path`, which starts at the resource."""

    code: str
    path: str
    text: str


def contained_types(container: object) -> Mapping[str, str]:
    """The type of each resource that `container` contains, by its id."""
    inner = _inner(container) if isinstance(container, Mapping) and "contained" in container else []
    return {str(resource.get("id")): str(resource.get("resourceType")) for resource in inner}


def faults(resource: Node, *, contained: bool) -> Iterator[ContainmentFault]:
    """What is wrong with `resource` as a container, or as a contained resource."""
    if contained:
        yield from _of_contained(resource)
        return
    used = set(_fragments(resource)) if "contained" in resource else set()
    for position, inner in enumerate(_inner(resource)):
        if f"#{inner.get('id')}" not in used and "#" not in _fragments(inner):
            text = "is not referred to from the resource (dom-3). Refer to it by #id or take it out."
            yield ContainmentFault("invariant", f"contained[{position}]", text)


def _of_contained(resource: Node) -> Iterator[ContainmentFault]:
    meta = resource.get("meta")
    forbidden = [("contained", "dom-2")] if "contained" in resource else []
    if isinstance(meta, Mapping):
        rules = {"versionId": "dom-4", "lastUpdated": "dom-4", "security": "dom-5"}
        forbidden += [(f"meta.{name}", key) for name, key in rules.items() if name in meta]
    for path, key in forbidden:
        yield ContainmentFault(
            "invariant", path, f"is not allowed in a contained resource ({key}). Remove it."
        )


def _inner(container: Node) -> list[Node]:
    contained = container.get("contained")
    return [inner for inner in contained if isinstance(inner, Mapping)] if isinstance(contained, list) else []


def _fragments(node: object) -> Iterator[str]:
    """Every string below `node` that starts with `#`: references, canonicals and uris alike."""
    if isinstance(node, str):
        if node.startswith("#"):
            yield node
    elif isinstance(node, Mapping | list):
        for value in node.values() if isinstance(node, Mapping) else node:
            yield from _fragments(value)
