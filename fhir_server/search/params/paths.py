"""The FHIRPath of search parameters, compiled to paths of JSON properties.

https://hl7.org/fhir/R4/fhirpath.html

The subset: element paths, unions, `as`, `as()`, `ofType()`, `.where(name='value')`, `.where(resolve() is Type)`,
`.extension('url')` and `.where(hasExtension('url'))`. An expression that ends at an extension means its value. What lies
beyond the subset raises Unsupported, and the parameter is not served.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fhir_server.definitions.structure import Element, primitives, structure

# Any: a JSON element that was validated to be of the FHIR type that the path ends in
Node: TypeAlias = Any

_CAST = re.compile(r"\(([\w.]+) as (\w+)\)(.*)")
_CALL = re.compile(r"(as|ofType)\((\w+)\)")
_WHERE = re.compile(r"where\((\w+)='([^']*)'\)")
_RESOLVE = re.compile(r"where\(resolve\(\) is (\w+)\)")
_EXTENSION = re.compile(r"extension\('([^']*)'\)")
_HAS_EXTENSION = re.compile(r"where\(hasExtension\('([^']*)'\)\)")

Where: TypeAlias = tuple[str, str]


class Unsupported(ValueError):
    """The expression is beyond the subset; the text says which part."""


@dataclass(frozen=True, slots=True)
class Step:
    """A JSON property to descend into, and the value that a property below it, `a` or `a.b`, must have."""

    name: str
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from the resource to elements of one FHIR type; `only` is the type that a reference must name."""

    steps: tuple[Step, ...]
    datatype: str
    only: str | None = None
    required: bool = False
    value_set: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The JSON properties on the way."""
        return tuple(step.name for step in self.steps)


def paths(expression: str) -> tuple[Path, ...]:
    """The paths of a union, one for each FHIR type it can end in. Raises Unsupported beyond the subset."""
    return tuple(path for part in expression.split(" | ") for path in _part(part))


def relative(base: Path, expression: str) -> tuple[Path, ...]:
    """The same of an expression that starts at the elements of `base`; the paths start there too."""
    return tuple(path for part in expression.split(" | ") for path in _walked(base.datatype, part.split(".")))


def nodes(path: Path, tree: Node) -> Iterator[Node]:
    """The elements of `tree` at `path`."""
    found = [tree]
    for step in path.steps:
        found = [child for node in found for child in _children(node, step)]
    yield from found


def _children(node: Node, step: Step) -> Iterator[Node]:
    value = node.get(step.name)
    for child in value if isinstance(value, list) else (value,):
        if child is not None and (step.where is None or holds(child, step.where)):
            yield child


def holds(node: Node, where: Where) -> bool:
    """Whether a property of the element, or of one of the elements below it, has the value."""
    name, value = where
    first, _, rest = name.partition(".")
    if not rest:
        return bool(node.get(first) == value)
    return any(child.get(rest) == value for child in node.get(first, ()))


def _part(part: str) -> list[Path]:
    cast = _CAST.fullmatch(part)
    plain = f"{cast[1]}.as({cast[2]}){cast[3]}" if cast else part
    root, *names = re.split(r"\.(?![^(]*\))", plain)
    return _walked(root, names)


def _walked(root: str, names: list[str]) -> list[Path]:
    found = [Path((), root, required=True)]
    for name in names:
        found = [path for start in found for path in _step(start, name)]
    if not found:
        raise Unsupported(f"{'.'.join((root, *names))} reaches no element")
    return [path for start in found for path in _at_value(start)]


def _at_value(path: Path) -> list[Path]:
    return _descend(path, "value") if path.datatype == "Extension" else [path]


def _step(path: Path, name: str) -> list[Path]:
    if cast := _CALL.fullmatch(name):
        return [path] if path.datatype in {cast[2], _lower(cast[2])} else []
    if resolve := _RESOLVE.fullmatch(name):
        return [replace(path, only=resolve[1], required=False)] if path.datatype == "Reference" else []
    if where := _WHERE.fullmatch(name):
        return [_only_where(path, (where[1], where[2]))]
    if has := _HAS_EXTENSION.fullmatch(name):
        return [_only_where(path, ("extension.url", has[1]))]
    if extension := _EXTENSION.fullmatch(name):
        return [_only_where(found, ("url", extension[1])) for found in _descend(path, "extension")]
    if not name.isidentifier():
        raise Unsupported(f"{name} is beyond the FHIRPath subset")
    return _descend(path, name)


def _only_where(path: Path, where: Where) -> Path:
    last = replace(path.steps[-1], where=where)
    return replace(path, steps=(*path.steps[:-1], last), required=False)


def _lower(name: str) -> str:
    """Primitive types begin with a small letter; some expressions write them large."""
    return name[:1].lower() + name[1:]


def _descend(path: Path, name: str) -> list[Path]:
    if path.datatype in primitives():
        return []
    for element in structure(path.datatype).elements:
        if element.name == name:
            return [_below(path, element, json, type) for json, type in element.json_names().items()]
    raise Unsupported(f"{path.datatype} has no element {name}")


def _below(path: Path, element: Element, json: str, datatype: str) -> Path:
    required = path.required and element.min > 0 and not element.choice
    return Path((*path.steps, Step(json)), datatype, required=required, value_set=element.codes)
