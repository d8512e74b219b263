"""The links of a resource to others in its Bundle, made to last: references, URLs, and those in the narrative.

https://hl7.org/fhir/R4/bundle.html#references

Elements of type canonical are left as they are, and so is the `url` that others name a resource by in such elements. A
Bundle inside a Bundle keeps its links, which are its own affair.
"""

import operator
import re
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from fhir_server.definitions.structure import primitives, structure
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import RequestError
from fhir_server.json import JsonObject, JsonValue

_URLS: Final = frozenset({"uri", "url", "oid", "uuid"})
_RESTFUL: Final = re.compile(r"(https?://.+/)([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")
_NARRATIVE_LINK: Final = re.compile(r"""(\s(?:href|src)\s*=\s*)(["'])([^"']*)\2""")


class Links(Protocol):
    """What the links of one resource become."""

    def reference(self, text: str) -> str:
        """What a Reference that refers by `text` is to refer by; raises BrokenLink when that leads nowhere."""
        ...

    def url(self, text: str) -> str:
        """What a URL in another element, or in the narrative, is to be."""
        ...


class BrokenLink(Exception):
    """A reference that leads nowhere, the error that says why, and where it stands below the resource."""

    def __init__(self, error: type[RequestError], diagnostics: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(diagnostics)
        self.error = error
        self.diagnostics = diagnostics
        self.path = path

    def below(self, step: str) -> "BrokenLink":
        """The same, seen from one step further up."""
        return BrokenLink(self.error, self.diagnostics, (step, *self.path))

    def told(self, resource_type: str) -> RequestError:
        """The error, which names the element."""
        return self.error(self.diagnostics, resource_type + "".join(self.path))


def linked(tree: JsonObject, links: Links) -> JsonObject:
    """`tree`, a resource that need not be valid, with its links replaced; raises BrokenLink with its place.

    What has no link to replace is the same object as before, not a copy.
    """
    return _resource(tree, links)


def restful(full_url: str) -> tuple[str, str, str] | None:
    """The base (with its last slash), type and id of an absolute URL of a resource; None for one that is none."""
    found = _RESTFUL.fullmatch(full_url)
    return None if found is None or found[2] not in RESOURCE_TYPES else (found[1], found[2], found[3])


def conditional(reference: str) -> tuple[str, str] | None:
    """The type and the query of a conditional reference; None for another kind of reference."""
    type, question, query = reference.partition("?")
    return (type, query) if question and type in RESOURCE_TYPES else None


class _Property:
    """A JSON property that is a link, or may hold some: how its text is rewritten, or what lies below."""

    __slots__ = ("below", "rewrite")

    def __init__(
        self, rewrite: Callable[[str, Links], str] | None, below: "dict[str, _Property] | None"
    ) -> None:
        self.rewrite = rewrite
        self.below = below


def _resource(tree: JsonObject, links: Links) -> JsonObject:
    type = tree.get("resourceType")
    if not isinstance(type, str) or type not in RESOURCE_TYPES or type == "Bundle":
        return tree
    return _object(tree, _properties(type), links)


def _object(tree: JsonObject, properties: dict[str, _Property], links: Links) -> JsonObject:
    changed = dict[str, JsonValue]()
    for name, value in tree.items():
        known = properties.get(name)
        if known is not None:
            try:
                new = _value(value, known, links)
            except BrokenLink as error:
                raise error.below(f".{name}") from None
            if new is not value:
                changed[name] = new
    return {**tree, **changed} if changed else tree


def _value(value: JsonValue, known: _Property, links: Links) -> JsonValue:
    """The value with its links replaced; one of another JSON type than the property has is left to the validation."""
    if isinstance(value, str):
        return value if known.rewrite is None else known.rewrite(value, links)
    if isinstance(value, list):
        return _list(value, known, links)
    if not isinstance(value, dict) or known.rewrite is not None:
        return value
    return _resource(value, links) if known.below is None else _object(value, known.below, links)


def _list(values: list[JsonValue], known: _Property, links: Links) -> list[JsonValue]:
    new = list[JsonValue]()
    for number, value in enumerate(values):
        try:
            new.append(_value(value, known, links))
        except BrokenLink as error:
            raise error.below(f"[{number}]") from None
    return new if any(map(operator.is_not, new, values)) else values


def _reference(text: str, links: Links) -> str:
    return links.reference(text)


def _url(text: str, links: Links) -> str:
    return links.url(text)


def _narrative(text: str, links: Links) -> str:
    if "href" not in text and "src" not in text:
        return text
    return _NARRATIVE_LINK.sub(lambda found: f"{found[1]}{found[2]}{links.url(found[3])}{found[2]}", text)


_REWRITES: Final = dict.fromkeys(_URLS, _url) | {"xhtml": _narrative}
_KNOWN: Final = dict[
    str, dict[str, _Property]
]()  # by type; filled while it is read, since types hold one another


def _properties(datatype: str) -> dict[str, _Property]:
    """The JSON properties of a type that are links or may hold some."""
    known = _KNOWN.get(datatype)
    if known is None:
        known = _KNOWN[datatype] = {}
        known.update(_compiled(datatype))
    return known


def _compiled(datatype: str) -> Iterator[tuple[str, _Property]]:
    for element in structure(datatype).elements:
        for name, type in element.json_names().items():
            if type in primitives():
                yield f"_{name}", _Property(None, _properties("Element"))
            if datatype == "Reference" and name == "reference":
                yield name, _Property(_reference, None)
            elif type in _REWRITES and not (name == "url" and datatype in RESOURCE_TYPES):
                yield name, _Property(_REWRITES[type], None)
            elif type == "Resource":
                yield name, _Property(None, None)
            elif type not in primitives():
                yield name, _Property(None, _properties(type))
