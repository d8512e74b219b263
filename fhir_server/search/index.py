"""Everything a resource is found by, read in one walk over the properties it has.

https://hl7.org/fhir/R4/search.html#ptypes; what is stored for each type of parameter is in `params`.

Each type's parameters are compiled once to a tree of properties, whose leaves store what they meet.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from fhir_server.errors import Unprocessable
from fhir_server.json import dumps
from fhir_server.search.params import date, hashes, number, quantity, reference, string, token, uri
from fhir_server.search.params.catalog import Parameter, served
from fhir_server.search.params.paths import Node, Path
from fhir_server.store.rows import (
    WIDE,
    DateRange,
    IndexRow,
    NumberRange,
    ParamDate,
    ParamNumber,
    ParamString,
)

# together, of one CodeableConcept: an entry of their index holds 2,700 bytes
MAX_CODINGS: Final = 2_000


# Data types whose values recur from resource to resource, so that hashing them again is work for nothing.
RECURRING: Final = frozenset({"CodeableConcept", "Coding", "Reference", "code"})
MOST_KNOWN: Final = 4_000
LONGEST_KNOWN: Final = 2_000


class _Found:
    """What the walk has met so far."""

    __slots__ = ("base_url", "codings", "date", "dates", "numbers", "patient", "strings", "tokens", "value")

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.patient: str | None = None
        self.codings: tuple[str, ...] = ()
        self.date: DateRange | None = None
        self.value: NumberRange | None = None
        self.tokens: set[int] = set()
        self.dates: list[ParamDate] = []
        self.numbers: list[ParamNumber] = []
        self.strings: list[ParamString] = []

    def add(self, seen: "_Found") -> None:
        """What a recurring value is stored as: tokens, strings, and the columns of codings and patient."""
        self.tokens |= seen.tokens
        if seen.codings:
            self.codings = seen.codings
        if seen.patient is not None:
            self.patient = seen.patient
        if seen.strings:
            self.strings += seen.strings


_Store = Callable[[Node, _Found], None]


class _Branch:
    """A property: what is stored for its value, which properties below it matter, and which only under a condition.

    Where the values `recur` from resource to resource (codings, references), what each was stored as is remembered.
    """

    __slots__ = ("below", "conditional", "known", "recurs", "stores")

    def __init__(self) -> None:
        self.recurs = False
        self.known: dict[tuple[str, bytes], _Found] = {}
        self.stores: list[_Store] = []
        self.below: dict[str, _Branch] = {}
        self.conditional: list[tuple[str, str, _Branch]] = []


def index(resource_type: str, tree: Node, *, base_url: str = "") -> IndexRow:
    """What `tree`, a validated resource, is found by; references under `base_url` count as relative ones.

    Raises Unprocessable for a `code` with more codings than can be found.
    """
    found = _Found(base_url)
    _walk(_compiled(resource_type), tree, found)
    if resource_type == "Patient":
        _deceased(tree, found)
    return IndexRow(
        patient=found.patient,
        codings=found.codings,
        date=found.date,
        value=found.value,
        tokens=tuple(sorted(found.tokens)),
        dates=tuple(found.dates),
        numbers=tuple(found.numbers),
        strings=tuple(found.strings),
    )


def _walk(branches: dict[str, _Branch], node: Node, found: _Found) -> None:
    for name, value in node.items():
        branch = branches.get(name)
        if branch is None:
            continue
        if type(value) is list:
            for item in value:
                if item is not None:
                    _visit(branch, item, found)
        else:
            _visit(branch, value, found)


def _visit(branch: _Branch, node: Node, found: _Found) -> None:
    if not branch.recurs:
        _look(branch, node, found)
        return
    key = (found.base_url, dumps(node))
    seen = branch.known.get(key)
    if seen is None:
        seen = _Found(found.base_url)
        _look(branch, node, seen)
        _remember(branch.known, key, seen)
    found.add(seen)


def _remember(known: dict[tuple[str, bytes], _Found], key: tuple[str, bytes], seen: _Found) -> None:
    if len(key[1]) <= LONGEST_KNOWN:
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[key] = seen


def _look(branch: _Branch, node: Node, found: _Found) -> None:
    for store in branch.stores:
        store(node, found)
    if branch.below:
        _walk(branch.below, node, found)
    for name, value, conditional in branch.conditional:
        if node.get(name) == value:
            _visit(conditional, node, found)


@cache
def _compiled(resource_type: str) -> dict[str, _Branch]:
    root = _Branch()
    for parameter in served(resource_type).values():
        if parameter.column in {"id", "last_updated"} or parameter.union:
            continue
        for path in parameter.paths:
            leaf = _leaf(root, path)
            leaf.stores.append(_KINDS[parameter.kind](parameter, path))
            leaf.recurs = leaf.recurs or path.datatype in RECURRING
    return root.below


def _leaf(root: _Branch, path: Path) -> _Branch:
    branch = root
    for step in path.steps:
        branch = branch.below.setdefault(step.name, _Branch())
        if step.where:
            conditional = _Branch()
            branch.conditional.append((*step.where, conditional))
            branch = conditional
    return branch


def _token(parameter: Parameter, path: Path) -> _Store:
    prefix, read = parameter.prefix, token.READ[path.datatype]
    stored = token.stored_tokens if parameter.systems is None else token.stored_plain
    presence = _presence(parameter)

    def store(node: Node, found: _Found) -> None:
        found.tokens.update(presence)
        for system, code in read(node):
            found.tokens.update(stored(prefix, system, code))

    def store_coded(node: Node, found: _Found) -> None:
        found.tokens.update(presence)
        found.codings = _codings(prefix, read(node))

    return store_coded if parameter.coded else store


def _codings(prefix: str, entries: Iterable[token.Entry]) -> tuple[str, ...]:
    codings = tuple(sorted({f"{system}|{code}" for system, code in entries if system or code}))
    size = sum(len(coding.encode()) for coding in codings)
    if size > MAX_CODINGS:
        raise Unprocessable(
            f"{prefix} has codings of {size} bytes and at most {MAX_CODINGS} can be found. Leave some out.",
            prefix,
        )
    return codings


def _uri(parameter: Parameter, _: Path) -> _Store:
    prefix, presence = parameter.prefix, _presence(parameter)
    searchable_below = parameter.code not in {"_profile", "_source"}

    def store(node: Node, found: _Found) -> None:
        found.tokens.update(presence)
        found.tokens.add(uri.token(prefix, node))
        if searchable_below:
            found.strings.append(ParamString(parameter.number, node, node))

    return store


def _reference(parameter: Parameter, path: Path) -> _Store:
    prefix, presence, only = parameter.prefix, _presence(parameter), path.only
    takes_patient = parameter.column == "patient"

    def store(node: Node, found: _Found) -> None:
        if only is not None and not reference.refers_to(node, only):
            return
        text = reference.text_of(node)
        keys = () if text is None else reference.keys(text, found.base_url)
        if takes_patient and keys and (patient := reference.patient_id(keys[-1])) is not None:
            found.patient = patient
            keys = keys[:-1]
        else:
            found.tokens.update(presence)
        for key in keys:
            found.tokens.add(reference.token(prefix, key))
        if type(node) is dict and "identifier" in node:
            found.tokens.update(_identifier_tokens(prefix, node["identifier"]))

    return store


def _identifier_tokens(prefix: str, node: Node) -> Iterable[int]:
    for entry in token.READ["Identifier"](node):
        yield from token.stored_tokens(f"{prefix}:identifier", *entry)


def _date(parameter: Parameter, path: Path) -> _Store:
    read, presence = date.READ[path.datatype], _presence(parameter)

    def store_column(node: Node, found: _Found) -> None:
        span = read(node)
        if span is None:
            found.tokens.update(presence)
            return
        found.date = span
        if _is_wide(span):
            found.tokens.add(WIDE)

    def store_row(node: Node, found: _Found) -> None:
        found.tokens.update(presence)
        span = read(node)
        if span is not None:
            found.dates.append(ParamDate(parameter.number, *span))

    return store_column if parameter.column == "date" else store_row


def _is_wide(span: DateRange) -> bool:
    return span.lo == date.MIN or span.hi == date.MAX or span.hi - span.lo > date.NARROW


def _number(parameter: Parameter, path: Path) -> _Store:
    read, presence = number.READ[path.datatype], _presence(parameter)

    def store(node: Node, found: _Found) -> None:
        found.tokens.update(presence)
        entry = read(node)
        if entry is not None:
            found.numbers.append(ParamNumber(parameter.number, *entry, None))

    return store


def _quantity(parameter: Parameter, path: Path) -> _Store:
    read, presence = quantity.READ[path.datatype], _presence(parameter)
    takes_value = parameter.column == "value"

    def store(node: Node, found: _Found) -> None:
        entry = read(node)
        if entry is None:
            found.tokens.update(presence)
            return
        unit = quantity.unit_hash(entry.system, entry.code)
        if takes_value:
            found.value = NumberRange(*entry.range, unit)
        else:
            found.tokens.update(presence)
            found.numbers.append(ParamNumber(parameter.number, *entry.range, unit))

    return store


def _string(parameter: Parameter, path: Path) -> _Store:
    read, presence = string.READ[path.datatype], _presence(parameter)

    def store(node: Node, found: _Found) -> None:
        found.tokens.update(presence)
        for text in read(node):
            found.strings.append(ParamString(parameter.number, string.normalize(text), text))

    return store


def _presence(parameter: Parameter) -> tuple[int, ...]:
    return () if parameter.required else (hashes.present(parameter.prefix),)


def _deceased(tree: Node, found: _Found) -> None:
    found.tokens.update(token.stored_plain("Patient.deceased", "", str(is_deceased(tree)).lower()))


def is_deceased(tree: Node) -> bool:
    """Whether a Patient is said to have died: `deceased` is a date, or true."""
    return "deceasedDateTime" in tree or tree.get("deceasedBoolean") is True


_KINDS: Final[dict[str, Callable[[Parameter, Path], _Store]]] = {
    "token": _token,
    "uri": _uri,
    "reference": _reference,
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "string": _string,
}
