"""The data types that a search parameter's FHIRPath reaches, worked out from the structure alone.

https://hl7.org/fhir/R4/fhirpath.html

Only the forms that R4's own 1,400 parameters use are known; any other stops the generator.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.definitions.generate.package import Definition
from fhir_server.definitions.generate.structures import TypeEntries

_STEP = re.compile(r"(\w+)(?:\((.*)\))?(?:\[(\d+)\])?$")
_CAST = re.compile(r"\(?([\w.]+) as (\w+)\)?((?:\.\w+)*)$")
_RESOLVES_TO = re.compile(r"resolve\(\) is (\w+)$")


@dataclass(frozen=True, slots=True)
class Reached:
    """What stands at the end of an expression."""

    datatypes: list[str]
    repeats: bool
    targets: list[str]


@dataclass(frozen=True, slots=True)
class _Place:
    datatype: str
    repeats: bool = False
    targets: tuple[str, ...] = ()


def parts(expression: str, base: str) -> Iterator[str]:
    """The alternatives of a union that belong to `base`: those that start at it, or at no type at all."""
    for part in filter(None, expression.split(" | ")):
        start = part.lstrip("(").partition(".")[0]
        if start[0].islower():
            yield f"{base}.{part}"
        elif start in {base, "Resource", "DomainResource"}:
            yield part


class Walk:
    """Follows expressions through the elements of the types."""

    def __init__(self, entries: TypeEntries) -> None:
        self._entries = entries

    def yields(self, expression: str, base: str) -> Reached:
        """What `expression` reaches from `base`; nothing for an empty one. Raises ValueError for an unknown form."""
        return _reached(
            [place for part in parts(expression, base) for place in self._part(part, base)], expression
        )

    def relative(self, context: str, expression: str, base: str) -> Reached:
        """What a composite's component reaches from where the composite stands."""
        places = [place for part in parts(context, base) for place in self._part(part, base)]
        found = [place for part in expression.split(" | ") for place in self._component(part, places, base)]
        return _reached(found, expression)

    def _component(self, part: str, places: list[_Place], base: str) -> list[_Place]:
        if part.startswith("%resource."):
            return self._steps(part.removeprefix("%resource."), [_Place(base)])
        return self._steps(_uncast(part), places)

    def _part(self, part: str, base: str) -> list[_Place]:
        if " and " in part or part.endswith(".exists()"):
            return [_Place("boolean")]
        _, _, rest = _uncast(part).partition(".")
        return self._steps(rest, [_Place(base)])

    def _steps(self, path: str, places: list[_Place]) -> list[_Place]:
        for step in _split(path):
            match = _STEP.match(step)
            if match is None:
                raise ValueError(f"{path}: {step} is a form this generator does not know.")
            name, argument, index = match.groups()
            places = self._call(name, argument, places) if argument is not None else self._child(name, places)
            if index is not None:
                places = [_Place(place.datatype, repeats=False, targets=place.targets) for place in places]
        return places

    def _call(self, name: str, argument: str, places: list[_Place]) -> list[_Place]:
        match name:
            case "as" | "ofType":
                return [place for place in places if place.datatype.lower() == argument.lower()]
            case "extension":
                return [_Place("Extension", repeats=True)]
            case "where":
                resolves = _RESOLVES_TO.match(argument)
                if not resolves:
                    return places
                return [
                    _Place(p.datatype, p.repeats, (resolves[1],)) for p in places if p.datatype == "Reference"
                ]
        raise ValueError(f"{name}() is a function this generator does not know.")

    def _child(self, name: str, places: list[_Place]) -> list[_Place]:
        if name == "$this":
            return places
        return [
            _Place(datatype, place.repeats or element.get("many", False), tuple(element.get("targets", ())))
            for place in places
            for element in self._elements(place.datatype)
            if element["name"] == name
            for datatype in element["types"]
        ]

    def _elements(self, datatype: str) -> Iterator[Definition]:
        while datatype in self._entries:
            yield from self._entries[datatype]["elements"]
            datatype = self._entries[datatype].get("base", "")


def _uncast(part: str) -> str:
    cast = _CAST.match(part)
    return f"{cast[1]}.as({cast[2]}){cast[3]}" if cast else part


def _split(path: str) -> Iterator[str]:
    step, depth = "", 0
    for character in path:
        depth += (character == "(") - (character == ")")
        if character == "." and depth == 0:
            yield step
            step = ""
        else:
            step += character
    if step:
        yield step


def _reached(places: list[_Place], expression: str) -> Reached:
    if expression and not places:
        raise ValueError(f"{expression} reaches no element. Mend the generator.")
    return Reached(
        datatypes=sorted({place.datatype for place in places}),
        repeats=any(place.repeats for place in places) or len(places) > len({p.datatype for p in places}),
        targets=sorted({target for place in places for target in place.targets}),
    )
