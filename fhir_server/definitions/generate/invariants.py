"""Invariants that can be judged inside one object, turned from FHIRPath into a small condition language.

https://hl7.org/fhir/R4/conformance-rules.html#constraints

A condition is a nested list: `["exists", path]`, `["equals", path, values]`, `["coding", path, system, codes]`,
`["count", names, least, most]`, `["least", path, number]`, `["not", condition]`, `["and" | "or", conditions…]`. What needs more than these stays
out; `docs/validation.md` lists what is kept and what is not.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from fhir_server.definitions.generate.package import Definition
from fhir_server.definitions.generate.structures import TypeEntries

Condition: TypeAlias = list[object]

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'[^']*')|(?P<number>\d+)|(?P<operator><=|>=|!=|[=<>|+(),])"
    r"|(?P<path>%?[A-Za-z]\w*(?:\.(?!\w+\()[A-Za-z]\w*)*)|(?P<call>\.\w+\())"
)
_CODINGS = re.compile(r"(\w+)\.coding\.where\(\s*system\s*=\s*'([^']*)' and (.*?)\)\.(exists|empty)\(\)")
_CODE = re.compile(r"code\s*=\s*'([^']*)'")


# The same rules in words that the condition language has; what is lost is said in `docs/validation.md`.
_UCUM_UNIT = "(code.exists() or value.empty()) and (system.empty() or system = %ucum)"
_REWRITTEN = {
    ("Age", "age-1"): _UCUM_UNIT,
    ("Count", "cnt-3"): f"{_UCUM_UNIT} and (code.empty() or code = '1')",
    (
        "Questionnaire.item",
        "que-1",
    ): "(type != 'group' or item.exists()) and (type != 'display' or item.empty())",
    ("TriggerDefinition", "trd-3"): "(type != 'named-event' or name.exists()) and (type != 'periodic' or "
    "timing.exists()) and (type.empty() or type = 'named-event' or type = 'periodic' or data.exists())",
}


class Unsupported(Exception):
    """The expression needs more than one object, or a form that the condition language does not have."""


@dataclass(frozen=True, slots=True)
class _Path:
    path: str


@dataclass(frozen=True, slots=True)
class _Count:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Literals:
    values: tuple[object, ...]


_Term: TypeAlias = "_Path | _Count | _Literals | Condition"


def add_invariants(entries: TypeEntries, definition: Definition) -> None:
    """The invariants of `definition`, each put with the type that it is about.

    The keys of those that have no condition are kept apart, under `beyond`.
    """
    for element in definition["snapshot"]["element"]:
        path = element["path"] if element["path"] in entries else element["path"].rpartition(".")[0]
        for constraint in filter(_is_own, element.get("constraint", ())):
            try:
                invariant = _invariant(constraint, element["path"], entries)
            except Unsupported:
                entries[path].setdefault("beyond", []).append(constraint["key"])
            else:
                entries[path].setdefault("invariants", []).append(invariant)


def _invariant(constraint: Definition, path: str, entries: TypeEntries) -> Definition:
    if path not in entries:
        raise Unsupported(path)
    expression = _REWRITTEN.get((path, constraint["key"])) or str(constraint["expression"])
    rule = condition(expression, path, entries)
    return {"key": constraint["key"], "human": constraint["human"], "rule": rule}


def condition(expression: str, type_name: str, entries: TypeEntries) -> Condition:
    """`expression` as a condition on an object of that type. Raises Unsupported if there is none."""
    parser = _Parser(expression, type_name, entries)
    parsed = parser.implication()
    parser.finish()
    return _as_condition(parsed)


def _is_own(constraint: Definition) -> bool:
    inherited = constraint["key"] in {"ele-1", "ext-1"} or constraint["key"].startswith("dom-")
    return constraint["severity"] == "error" and not inherited


class _Parser:
    """FHIRPath by recursive descent, `implies` binding loosest."""

    def __init__(self, expression: str, type_name: str, entries: TypeEntries) -> None:
        self._codings: list[Condition] = []
        self._words = self._wordized(_CODINGS.sub(self._coding, expression))
        self._type_name = type_name
        self._entries = entries

    def finish(self) -> None:
        if self._words:
            raise Unsupported(self._words[0])

    def implication(self) -> _Term:
        left = self._alternative()
        while self._take("implies"):
            left = ["or", _not(_as_condition(left)), _as_condition(self._alternative())]
        return left

    def _alternative(self) -> _Term:
        left = self._conjunction()
        while (xor := self._take("xor")) or self._take("or"):
            right = _as_condition(self._conjunction())
            left = _differ(_as_condition(left), right) if xor else ["or", _as_condition(left), right]
        return left

    def _conjunction(self) -> _Term:
        left = self._comparison()
        while self._take("and"):
            left = ["and", _as_condition(left), _as_condition(self._comparison())]
        return left

    def _comparison(self) -> _Term:
        left = self._sum()
        for operator in ("=", "!=", "<=", ">=", "<", ">", "in"):
            if self._take(operator):
                return _compared(left, operator, self._sum())
        return left

    def _sum(self) -> _Term:
        left = self._term()
        while self._take("+"):
            right = self._term()
            if not isinstance(left, _Count) or not isinstance(right, _Count):
                raise Unsupported("+")
            left = _Count(left.names + right.names)
        while self._take("|"):
            right = self._term()
            if not isinstance(left, _Literals) or not isinstance(right, _Literals):
                raise Unsupported("|")
            left = _Literals(left.values + right.values)
        return left

    def _term(self) -> _Term:
        term = self._parenthesised() if self._take("(") else self._atom()
        while self._words and self._words[0].startswith("."):
            term = _called(term, self._words.pop(0))
            if not self._take(")"):
                raise Unsupported("an argument")
        return term

    def _parenthesised(self) -> _Term:
        inner = self.implication()
        if not self._take(")"):
            raise Unsupported("(")
        return inner

    def _atom(self) -> _Term:
        word = self._words.pop(0) if self._words else ")"
        if word.startswith("'"):
            return _Literals((word[1:-1],))
        if word.isdigit():
            return _Literals((int(word),))
        if word in {"true", "false"}:
            return _Literals((word == "true",))
        if word == "%ucum":
            return _Literals(("http://unitsofmeasure.org",))
        if word.startswith("%coding"):
            return self._codings[int(word[7:])]
        return _Path(self._resolved(word))

    def _resolved(self, word: str) -> str:
        root = self._type_name.partition(".")[0]
        path = word.removeprefix(f"{root}.")
        if self._type_name == root:
            path = path.removeprefix("%resource.")
        places = [self._type_name]
        for name in path.split("."):
            places = [type for place in places for type in self._child(place, name)]
        if not places or not re.match(r"[a-z]", path):
            raise Unsupported(word)
        return path

    def _child(self, place: str, name: str) -> list[str]:
        while place in self._entries:
            for element in self._entries[place]["elements"]:
                if element["name"] == name:
                    return list(element["types"])
            place = self._entries[place]["base"]
        return []

    def _take(self, word: str) -> bool:
        if self._words and self._words[0] == word:
            self._words.pop(0)
            return True
        return False

    def _coding(self, match: re.Match[str]) -> str:
        path, system, codes, ending = match.groups()
        found: Condition = ["coding", path, system, _CODE.findall(codes)]
        self._codings.append(found if ending == "exists" else _not(found))
        return f"%coding{len(self._codings) - 1}"

    @staticmethod
    def _wordized(expression: str) -> list[str]:
        words, position = [], 0
        while position < len(expression.rstrip()):
            match = _TOKEN.match(expression, position)
            if match is None:
                raise Unsupported(expression[position:])
            words.append(match.group().strip())
            position = match.end()
        return words


def _called(term: _Term, call: str) -> _Term:
    match term, call:
        case _Path(path), ".exists(" | ".hasValue(":
            return ["exists", path]
        case _Path(path), ".empty(":
            return _not(["exists", path])
        case _Path(path), ".count(":
            return _Count((path,))
        case list(), ".not(":
            return _not(term)
    raise Unsupported(call)


def _compared(left: _Term, operator: str, right: _Term) -> Condition:
    match left, operator, right:
        case _Path(path), "=" | "in", _Literals(values):
            return ["equals", path, list(values)]
        case _Path(path), "!=", _Literals(values):
            return ["and", ["exists", path], _not(["equals", path, list(values)])]
        case _Path(path), ">=", _Literals((int(number),)):
            return ["least", path, number]
        case _Count(names), _, _Literals((int(number),)):
            least = {"=": number, ">=": number, ">": number + 1}.get(operator)
            most = {"=": number, "<=": number, "<": number - 1}.get(operator)
            return ["count", list(names), least, most]
        case list(), "=", list():
            return _not(_differ(left, right))
        case list(), "!=", list():
            return _differ(left, right)
    raise Unsupported(operator)


def _as_condition(term: _Term) -> Condition:
    if isinstance(term, _Path):
        return ["equals", term.path, [True]]
    if not isinstance(term, list):
        raise Unsupported(str(term))
    return term


def _not(inner: Condition) -> Condition:
    match inner:
        case ["not", list(innermost)]:
            return innermost
        case ["or", *parts]:
            return ["and", *[_not(part) for part in parts if isinstance(part, list)]]
        case ["and", *parts]:
            return ["or", *[_not(part) for part in parts if isinstance(part, list)]]
    return ["not", inner]


def _differ(left: Condition, right: Condition) -> Condition:
    return ["or", ["and", left, _not(right)], ["and", _not(left), right]]
