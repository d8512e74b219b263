"""A query's text, split into criteria and the parameters that shape the result.

https://hl7.org/fhir/R4/search.html#query
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from fhir_server.errors import InvalidSearch
from fhir_server.search.params.escapes import split

# how the answer is written, not what it holds: the REST layer sees to these
REPRESENTATION: Final = frozenset({"_format", "_pretty"})
RESULT: Final = frozenset({"_sort", "_count", "_total", "_summary", "_elements", "_type", "_contained"})
INCLUDES: Final = frozenset({"_include", "_revinclude"})

MAX_VALUES: Final = 500
MAX_CRITERIA: Final = 50


@dataclass(frozen=True, slots=True)
class Forward:
    """`name.` or `name:Type.`: on to what the parameter refers to."""

    name: str
    target: str = ""

    @property
    def text(self) -> str:
        """The step as the client wrote it."""
        return f"{self.name}:{self.target}." if self.target else f"{self.name}."


@dataclass(frozen=True, slots=True)
class Backward:
    """`_has:Type:name:`: back to the resources that refer here by their parameter."""

    source: str
    name: str

    @property
    def text(self) -> str:
        """The step as the client wrote it."""
        return f"_has:{self.source}:{self.name}:"


Step: TypeAlias = Forward | Backward


@dataclass(frozen=True, slots=True)
class Criterion:
    """One `name:modifier=value,value`, of what `steps` lead to; `values` are alternatives, their escapes still in place."""

    name: str
    modifier: str
    values: tuple[str, ...]
    steps: tuple[Step, ...] = ()

    @property
    def path(self) -> str:
        """The parameter without its modifier, as the client wrote it."""
        return "".join(step.text for step in self.steps) + self.name

    @property
    def label(self) -> str:
        """The parameter as the client wrote it."""
        return f"{self.path}:{self.modifier}" if self.modifier else self.path


@dataclass(frozen=True, slots=True)
class Include:
    """One `_include=Source:parameter:Target`, or `_revinclude` (`reverse`); `target` is empty where it names none."""

    reverse: bool
    iterate: bool
    source: str
    parameter: str
    target: str

    @property
    def name(self) -> str:
        """`_include` or `_revinclude`, with its modifier."""
        return ("_revinclude" if self.reverse else "_include") + (":iterate" if self.iterate else "")

    @property
    def value(self) -> str:
        """What is included."""
        return ":".join(part for part in (self.source, self.parameter, self.target) if part)


@dataclass(frozen=True, slots=True)
class Compartment:
    """The resources about one resource of `type`, by its `id`."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was asked of a type, or of all (empty): every criterion must hold; `result` has at most one value of each name."""

    resource_type: str
    compartment: Compartment | None
    criteria: tuple[Criterion, ...]
    includes: tuple[Include, ...]
    result: MappingProxyType[str, str]
    representation: tuple[tuple[str, str], ...]

    @property
    def place(self) -> str:
        """The path of the search below the server's address."""
        return place(self.resource_type, self.compartment)


def place(resource_type: str, compartment: Compartment | None) -> str:
    """The path of a search below the server's address: empty where all types are searched."""
    if compartment is None:
        return resource_type
    return f"{compartment.type}/{compartment.id}/{resource_type or '*'}"


def parse(
    resource_type: str, pairs: Sequence[tuple[str, str]], compartment: Compartment | None = None
) -> Parsed:
    """The query in `pairs`. Raises InvalidSearch for a parameter without a value and for one too many."""
    criteria, includes, result, representation = [], dict[Include, None](), {}, []
    for key, value in pairs:
        if key in REPRESENTATION:
            representation.append((key, value))
        elif key.partition(":")[0] in INCLUDES:
            includes[_include(key, value)] = None
        elif key in RESULT:
            if key in result:
                raise InvalidSearch(f"{key} is given twice. Give it once.", key)
            result[key] = value
        else:
            criteria.append(_criterion(key, value))
    if len(criteria) + len(includes) > MAX_CRITERIA:
        raise InvalidSearch(
            f"The query has {len(criteria) + len(includes)} criteria. Ask with at most {MAX_CRITERIA}."
        )
    return Parsed(
        resource_type,
        compartment,
        tuple(criteria),
        tuple(includes),
        MappingProxyType(result),
        tuple(representation),
    )


def _criterion(key: str, value: str) -> Criterion:
    steps, last = _steps(key)
    name, colon, modifier = last.partition(":")
    values = split(value, ",")
    if not name or (colon and not modifier) or not all(values):
        raise InvalidSearch(
            f"{key[:100]}={value[:100]} has an empty part. Give every part a value.", key[:100]
        )
    if len(values) > MAX_VALUES:
        raise InvalidSearch(f"{key[:100]} has {len(values)} values. Give at most {MAX_VALUES}.", key[:100])
    if "\0" in value:
        raise InvalidSearch(f"{key[:100]} holds the character U+0000. Remove it.", key[:100])
    return Criterion(name, modifier, values, steps)


def _steps(key: str) -> tuple[tuple[Step, ...], str]:
    """The steps of a chain, and what stands at its end."""
    steps, rest = list[Step](), key
    while True:
        if rest == "_has" or rest.startswith("_has:"):
            parts = rest.split(":", 3)
            if len(parts) < 4 or not all(parts):
                raise InvalidSearch(
                    f"{key[:100]}: _has is written `_has:Type:reference:parameter`, the reference and the parameter of that type.",
                    key[:100],
                )
            steps.append(Backward(parts[1], parts[2]))
            rest = parts[3]
            continue
        head, point, below = rest.partition(".")
        if not point:
            return tuple(steps), rest
        name, colon, target = head.partition(":")
        if not name or (colon and not target):
            raise InvalidSearch(f"{key[:100]}: a chain is written `reference.parameter`.", key[:100])
        steps.append(Forward(name, target))
        rest = below


def _include(key: str, value: str) -> Include:
    name, colon, modifier = key.partition(":")
    if colon and modifier != "iterate":
        raise InvalidSearch(f"{name} has no modifier :{modifier[:60]} in R4. It takes :iterate.", name)
    parts = value.split(":")
    if value in {"*", "*:*"}:
        return Include(name == "_revinclude", bool(colon), "*", "", "")
    if len(parts) not in {2, 3} or not all(parts):
        raise InvalidSearch(
            f"{name}={value[:100]} is written `Type:parameter`, `Type:parameter:Target`, `Type:*` or `*`.",
            name,
        )
    return Include(name == "_revinclude", bool(colon), parts[0], parts[1], parts[2] if parts[2:] else "")
