"""Everything a resource is found by, read in one walk over the properties it has.

https://hl7.org/fhir/R4/search.html#ptypes; what is stored for each type of parameter is in `params`.

Each type's parameters are compiled once to a tree of properties, whose leaves store what they meet.
"""

from functools import cache
from typing import Final

from fhir_server.json import dumps
from fhir_server.search.params import composite, quantity, reference, token, uri
from fhir_server.search.params.catalog import served
from fhir_server.search.params.found import Found, Store
from fhir_server.search.params.kinds import KINDS
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.paths import Node, Path, Step, Where, holds, nodes
from fhir_server.store.rows import IndexRow

# The form of the rows that this code makes. Whoever changes what is stored raises it, so that old rows are made anew.
INDEX_VERSION: Final = 3

# Data types whose values recur from resource to resource, so that hashing them again is work for nothing.
RECURRING: Final = frozenset({"CodeableConcept", "Coding", "Reference", "code"})
# Whose attachments are the files of a patient: what names a Binary here owns it.
_BINARY: Final = frozenset({"Binary"})

# where the content of documents and reports may be a Binary
ATTACHMENTS: Final = {
    "DiagnosticReport": Path((Step("presentedForm"),), "Attachment"),
    "DocumentReference": Path((Step("content"), Step("attachment")), "Attachment"),
    "Media": Path((Step("content"),), "Attachment"),
}

MOST_KNOWN: Final = 4_000
LONGEST_KNOWN: Final = 2_000


class _Branch:
    """A property: what is stored for its value, which properties below it matter, and which only under a condition.

    Where the values `recur` from resource to resource (codings, references), what each was stored as is remembered.
    """

    __slots__ = ("below", "conditional", "known", "recurs", "stores")

    def __init__(self) -> None:
        self.recurs = False
        self.known: dict[tuple[str, bytes], Found] = {}
        self.stores: list[Store] = []
        self.below: dict[str, _Branch] = {}
        self.conditional: list[tuple[Where, _Branch]] = []


def index(resource_type: str, tree: Node, *, base_url: str = "") -> IndexRow:
    """What `tree`, a validated resource, is found by; references under `base_url` count as relative ones.

    Raises Unprocessable for a `code` with more codings than can be found.
    """
    found = Found(base_url)
    _walk(_compiled(resource_type), tree, found)
    if resource_type == "Patient":
        _deceased(tree, found)
    if resource_type in ATTACHMENTS:
        _files(resource_type, tree, found)
    named = canonical(resource_type, tree) if "url" in tree else None
    if named is not None:
        found.tokens.add(uri.token(served(resource_type)["url"].prefix, named))
    return IndexRow(
        patient=found.patient,
        codings=found.codings,
        date=found.date,
        value=found.value,
        tokens=tuple(sorted(found.tokens)),
        dates=tuple(found.dates),
        numbers=tuple(found.numbers),
        strings=tuple(found.strings),
        texts=tuple(found.texts),
        mentions=tuple(sorted(found.mentions)),
    )


def _walk(branches: dict[str, _Branch], node: Node, found: Found) -> None:
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


def _visit(branch: _Branch, node: Node, found: Found) -> None:
    if not branch.recurs:
        _look(branch, node, found)
        return
    key = (found.base_url, dumps(node))
    seen = branch.known.get(key)
    if seen is None:
        seen = Found(found.base_url)
        _look(branch, node, seen)
        _remember(branch.known, key, seen)
    found.add(seen)


def _remember(known: dict[tuple[str, bytes], Found], key: tuple[str, bytes], seen: Found) -> None:
    if len(key[1]) <= LONGEST_KNOWN:
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[key] = seen


def _look(branch: _Branch, node: Node, found: Found) -> None:
    for store in branch.stores:
        store(node, found)
    if branch.below:
        _walk(branch.below, node, found)
    for where, conditional in branch.conditional:
        if holds(node, where):
            _visit(conditional, node, found)


@cache
def _compiled(resource_type: str) -> dict[str, _Branch]:
    root = _Branch()
    for parameter in served(resource_type).values():
        if parameter.column in {"id", "last_updated"} or parameter.union:
            continue
        for path in parameter.paths:
            _keep(root, parameter, path)
    return root.below


def _keep(root: _Branch, parameter: Parameter, path: Path) -> None:
    """Puts what keeps an element at `path` in its place, or above it where codings beside it are kept too."""
    coded_by = (parameter.coded_by or {}).get(path)
    if coded_by is not None:
        above = _leaf(root, path.steps[:-1])
        above.stores.append(quantity.store_coded(parameter, path, coded_by))
    elif parameter.kind != "composite" or composite.is_stored(parameter):
        leaf = _leaf(root, path.steps)
        leaf.stores.append(KINDS[parameter.kind].store(parameter, path))
        leaf.recurs = leaf.recurs or path.datatype in RECURRING


def _leaf(root: _Branch, steps: tuple[Step, ...]) -> _Branch:
    branch = root
    for step in steps:
        branch = branch.below.setdefault(step.name, _Branch())
        if step.where:
            conditional = _Branch()
            branch.conditional.append((step.where, conditional))
            branch = conditional
    return branch


def _deceased(tree: Node, found: Found) -> None:
    found.tokens.update(token.stored_plain("Patient.deceased", "", str(is_deceased(tree)).lower()))


def _files(resource_type: str, tree: Node, found: Found) -> None:
    """The Binaries that hold the content of a document or report."""
    for attachment in nodes(ATTACHMENTS[resource_type], tree):
        url = attachment.get("url")
        if isinstance(url, str) and (key := reference.keys(url, found.base_url)):
            mention = reference.mentioned(key[-1], _BINARY)
            if mention is not None:
                found.mentions.add(mention)


def is_deceased(tree: Node) -> bool:
    """Whether a Patient is said to have died: `deceased` is a date, or true."""
    return "deceasedDateTime" in tree or tree.get("deceasedBoolean") is True


def canonical(resource_type: str, tree: Node) -> str | None:
    """`url|version`, by which others name this version; None for a resource that has no such name."""
    parameters = served(resource_type)
    if "url" in parameters and "version" in parameters and "url" in tree and "version" in tree:
        return f"{tree['url']}|{tree['version']}"
    return None
