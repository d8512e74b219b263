"""Where in a message a value stands, said as a JMESPath expression of bounded cost.

https://jmespath.org/specification.html

What is selected was sent: expressions that could make a value up (literals, sums, lists put together) are refused, and so
are those whose work could grow faster than the message.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, cast

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from mappers.declaration import Declaration
from mappers.errors import NotSelectable

LONGEST: Final = 200
_FUNCTIONS: Final = frozenset({"contains", "ends_with", "not_null", "starts_with", "to_number"})
_CONDITIONS: Final = frozenset({"contains", "ends_with", "starts_with"})
_REFUSED: Final = {
    "expref": "an expression as an argument (`&`)",
    "multi_select_dict": "an object put together (`{…}`)",
    "multi_select_list": "a list put together (`[…, …]`)",
}
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")

Tree = dict[str, Any]  # Any: a node of the library's syntax tree
"""A node of a compiled expression."""


class _Exact(Functions):
    """The library's functions, of which `to_number` keeps every digit, and what is no number: it was sent."""

    @signature({"types": []})
    def _func_to_number(self, sent: object) -> object:
        if not isinstance(sent, str) or not _NUMBER.fullmatch(sent):
            return sent
        return Decimal(sent) if "." in sent else int(sent)


_INTERPRETER: Final = TreeInterpreter(Options(custom_functions=_Exact()))


@dataclass(frozen=True, slots=True)
class Selection:
    """A compiled `expression`."""

    expression: str
    _tree: Tree = field(repr=False, compare=False)

    def of(self, message: object) -> object:
        """What the expression selects in `message`, None where nothing is. Raises NotSelectable where it cannot apply."""
        try:
            return _INTERPRETER.visit(self._tree, message)  # type: ignore[arg-type]  # the stub's type is private
        except (JMESPathError, TypeError) as error:
            raise NotSelectable(f"`{self.expression}` does not apply to what was sent there.") from error


def declared_selection(entry: Declaration, key: str) -> Selection | None:
    """The selection under `key`, None if it is absent. Raises InvalidDeclaration for an expression that is not taken."""
    expression = entry.optional_text(key)
    if expression is None:
        return None
    try:
        return selection(expression)
    except NotSelectable as error:
        raise entry.error(f"`{key}`: {error}", key) from error


def selection(expression: str) -> Selection:
    """The selection that `expression` says. Raises NotSelectable for one that is wrong, too long or not bounded."""
    if len(expression) > LONGEST:
        raise NotSelectable(f"the path has {len(expression)} characters. Write at most {LONGEST}.")
    try:
        tree = cast("Tree", jmespath.compile(expression).parsed)
        complaint = next(_complaints(tree), None)
    except (JMESPathError, RecursionError, Warning) as error:
        reason = str(error).partition("\n")[0]
        raise NotSelectable(f"`{expression}` is no JMESPath: {reason}") from error
    if complaint is not None:
        raise NotSelectable(f"`{expression}` has {complaint}, which is not taken here.")
    return Selection(expression, tree)


def _complaints(node: Tree, *, condition: bool = False) -> Iterator[str]:
    """What of the expression is refused; a literal may stand in a `condition` only, where it selects and is no value."""
    kind = node["type"]
    if kind in _REFUSED:
        yield _REFUSED[kind]
    if kind == "literal" and not condition:
        yield f"the value {node['value']!r} of its own"
    if kind == "function_expression" and node["value"] not in _FUNCTIONS:
        yield f"the function `{node['value']}`"
    if kind == "slice" and node["children"][2] == 0:
        yield "a step of 0"
    elif kind != "slice":
        compares = kind == "comparator" or (kind == "function_expression" and node["value"] in _CONDITIONS)
        for child in node["children"]:
            yield from _complaints(child, condition=compares)
