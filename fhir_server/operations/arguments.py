"""The values that an operation is called with, from an address or from a Parameters resource, each checked.

https://hl7.org/fhir/R4/operations.html#request
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias, cast

from fhir_server.errors import InvalidRequest
from fhir_server.json import JsonNumber, JsonObject, JsonValue, decimal, dumps, parse
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.validation import grammar
from fhir_server.validation.structure import check

Pairs: TypeAlias = Sequence[tuple[str, str]]

_STAND_IN: Final[JsonObject] = {"resourceType": "Basic", "code": {"text": "resource"}}
_SHOWN: Final = 80
_LONGEST: Final = 2_000
_FAR: Final = re.compile(r"[0-9]{41}|[eE][+-]?[0-9]{4}")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The values by parameter name, of the types that the operation declares; `criteria` are search parameters."""

    values: Mapping[str, tuple[JsonValue, ...]]
    criteria: tuple[tuple[str, str], ...] = ()

    def text(self, name: str) -> str | None:
        """The one value of a parameter that JSON writes as a string, or None."""
        found = self.texts(name)
        return found[0] if found else None

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of such a parameter that repeats."""
        return cast("tuple[str, ...]", self.values.get(name, ()))

    def whole(self, name: str) -> int | None:
        """The value of an integer parameter, or None."""
        found = cast("tuple[int, ...]", self.values.get(name, ()))
        return found[0] if found else None

    def number(self, name: str) -> Decimal | None:
        """The value of a decimal parameter, or None."""
        found = cast("tuple[JsonNumber, ...]", self.values.get(name, ()))
        return decimal(found[0]) if found else None

    def holds(self, name: str) -> bool:
        """The value of a boolean parameter; an absent one is false."""
        return self.values.get(name) == (True,)

    def tree(self, name: str) -> JsonObject | None:
        """The value of a parameter that is a resource or a complex type, or None."""
        found = self.trees(name)
        return found[0] if found else None

    def trees(self, name: str) -> tuple[JsonObject, ...]:
        """The values of such a parameter that repeats."""
        return cast("tuple[JsonObject, ...]", self.values.get(name, ()))


def arguments(operation: Operation, pairs: Pairs, body: bytes) -> Arguments:
    """The arguments in the address and the body, which is a Parameters resource, or the one resource the operation takes.

    Raises InvalidRequest for a parameter that is unknown, missing, repeated or of another type, naming it; InvalidJson
    and InvalidResource for a body that is no Parameters.
    """
    given: list[tuple[str, JsonValue]] = []
    criteria: list[tuple[str, str]] = []
    known = {one.name: one for one in operation.takes}
    for name, text in pairs:
        if name in known:
            given.append((name, _read(known[name], text)))
        else:
            _refuse_unless_searching(operation, name)
            criteria.append((name, text))
    for name, value in _sent(operation, known, body) if body else ():
        if name in known:
            given.append((name, value))
        else:
            criteria.append((name, cast("str", value)))
    return Arguments(_counted(operation, given), tuple(criteria))


def _sent(
    operation: Operation, known: Mapping[str, Parameter], body: bytes
) -> Iterable[tuple[str, JsonValue]]:
    tree = parse(body)
    if tree.get("resourceType") != "Parameters":
        yield _bare(operation, tree)
        return
    _check_frame(tree)
    for entry in cast("list[JsonObject]", tree.get("parameter", [])):
        name = cast("str", entry["name"])
        if name in known:
            yield name, _value(known[name], entry)
        else:
            _refuse_unless_searching(operation, name)
            yield name, _value(Parameter(name, "string", 0, "*", ""), entry)


def _bare(operation: Operation, tree: JsonObject) -> tuple[str, JsonValue]:
    """The body as the one resource that the operation takes: it may be sent without Parameters around it."""
    resources = [one for one in operation.takes if one.is_resource]
    if len(resources) != 1 or not isinstance(tree.get("resourceType"), str):
        raise InvalidRequest(
            f"The body is no Parameters resource. Send ${operation.code} its parameters in one.", "Parameters"
        )
    return resources[0].name, tree


def _check_frame(tree: JsonObject) -> None:
    """Nothing for a valid Parameters, whatever the resources inside are: they are the operation's to judge."""
    entries = tree.get("parameter")
    if isinstance(entries, list):
        framed = [
            entry | {"resource": _STAND_IN}
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
            else entry
            for entry in entries
        ]
        tree = tree | {"parameter": cast("JsonValue", framed)}
    check("Parameters", dumps(tree))


def _value(parameter: Parameter, entry: JsonObject) -> JsonValue:
    if parameter.is_resource:
        if "resource" not in entry:
            raise _wrong(parameter, "has no resource. Put one under `resource`")
        return entry["resource"]
    wanted = f"value{parameter.type[0].upper()}{parameter.type[1:]}"
    if wanted not in entry:
        found = next((key for key in entry if key.startswith("value")), "another value")
        raise _wrong(parameter, f"has {found}. Send {wanted}")
    return entry[wanted]


def _read(parameter: Parameter, text: str) -> JsonValue:
    """The value of a parameter in an address, where every value is text."""
    if not parameter.is_primitive:
        raise _wrong(parameter, f"is a {parameter.type}, which no address can hold. Send it by POST")
    if parameter.type == "boolean":
        if text not in ("true", "false"):
            raise _wrong(parameter, f"is {text[:_SHOWN]!r}. Send true or false")
        return text == "true"
    if len(text) > _LONGEST or not grammar.matches(grammar.pattern(parameter.type), text):
        raise _wrong(parameter, f"is {text[:_SHOWN]!r}, which is no {parameter.type}. Correct it")
    return _numeric(parameter, text) if parameter.type in grammar.NUMBERS else text


def _numeric(parameter: Parameter, text: str) -> JsonValue:
    if _FAR.search(text):
        raise _wrong(parameter, f"is {text[:_SHOWN]}, which is beyond what is reckoned with. Correct it")
    number = Decimal(text)
    least, most = grammar.INTEGER_RANGES.get(parameter.type, (None, None))
    if least is None or most is None:
        return number
    if not least <= number <= most:
        raise _wrong(parameter, f"is {text[:_SHOWN]}. Send {least} to {most}")
    return int(number)


def _counted(
    operation: Operation, given: Iterable[tuple[str, JsonValue]]
) -> Mapping[str, tuple[JsonValue, ...]]:
    values: dict[str, tuple[JsonValue, ...]] = {}
    for name, value in given:
        values[name] = (*values.get(name, ()), value)
    for parameter in operation.takes:
        number = len(values.get(parameter.name, ()))
        if number < parameter.min:
            raise _wrong(parameter, f"is missing. ${operation.code} needs it")
        if number > 1 and parameter.max == "1":
            raise _wrong(parameter, f"is given {number} times. Give it once")
    return values


def _refuse_unless_searching(operation: Operation, name: str) -> None:
    if not operation.searches:
        known = ", ".join(one.name for one in operation.takes) or "none"
        raise InvalidRequest(
            f"${operation.code} has no parameter {name[:_SHOWN]!r}. It takes {known}.", name[:_SHOWN]
        )


def _wrong(parameter: Parameter, text: str) -> InvalidRequest:
    return InvalidRequest(f"The parameter {parameter.name} {text}.", parameter.name)
