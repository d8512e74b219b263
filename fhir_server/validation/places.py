"""Where a walk through a resource is, and the issues it finds there.

https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from fhir_server.errors import Issue

Node: TypeAlias = Mapping[str, Any]  # a JSON object

_KINDS: Final = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk is: the path so far, and the types of the resources that `#id` may name, by id."""

    path: str
    contained_types: Mapping[str, str] = field(default_factory=dict)
    contained: bool = False

    def child(self, name: str) -> "Place":
        """The place of an element below."""
        return Place(f"{self.path}.{name}", self.contained_types, self.contained)

    def item(self, position: int) -> "Place":
        """The place of one item of a list."""
        return Place(f"{self.path}[{position}]", self.contained_types, self.contained)


def issue(code: str, place: Place, text: str) -> Issue:
    """An issue at `place`; `text` says what is wrong there, then what to do."""
    return Issue(code, f"{place.path}: {text}", place.path)


def wrong_kind(value: object, place: Place, wanted: str) -> Issue:
    """The issue that `value` is another JSON kind than `wanted`."""
    kind = _KINDS.get(type(value), "number")
    article = "an" if kind[0] in "aeio" else "a"
    return issue("structure", place, f"is {article} {kind}. It must be a JSON {wanted}.")


def shown(value: object) -> str:
    """`value` as it may stand in an issue: quoted, and cut when long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
