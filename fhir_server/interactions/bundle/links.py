"""The links of a resource to others in its Bundle, made to last: references, URLs, and those in the narrative.

https://hl7.org/fhir/R4/bundle.html#references

Elements of type canonical are left as they are, and so is the `url` that others name a resource by in such elements. A
Bundle inside a Bundle keeps its links, which are its own affair.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, Protocol

from fhir_server.definitions.structure import primitives, structure
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import RequestError
from fhir_server.json import JsonObject, JsonValue

_URLS: Final = frozenset({"uri", "url", "oid", "uuid"})
_REFERENCE: Final = "Reference.reference"
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


def _resource(tree: JsonObject, links: Links) -> JsonObject:
    type = tree.get("resourceType")
    if not isinstance(type, str) or type not in RESOURCE_TYPES or type == "Bundle":
        return tree
    return _object(tree, type, links)


def _object(tree: JsonObject, datatype: str, links: Links) -> JsonObject:
    properties, changed = _properties(datatype), dict[str, JsonValue]()
    for name, value in tree.items():
        kind = properties.get(name)
        if kind is not None:
            try:
                new = _value(value, kind, links)
            except BrokenLink as error:
                raise error.below(f".{name}") from None
            if new is not value:
                changed[name] = new
    return {**tree, **changed} if changed else tree


def _value(value: JsonValue, kind: str, links: Links) -> JsonValue:
    match value:
        case str():
            return _text(value, kind, links)
        case dict():
            return _resource(value, links) if kind == "Resource" else _complex(value, kind, links)
        case list():
            new = [_item(number, each, kind, links) for number, each in enumerate(value)]
            return new if any(one is not other for one, other in zip(new, value, strict=True)) else value
        case _:
            return value


def _item(number: int, value: JsonValue, kind: str, links: Links) -> JsonValue:
    try:
        return _value(value, kind, links)
    except BrokenLink as error:
        raise error.below(f"[{number}]") from None


def _complex(value: JsonObject, kind: str, links: Links) -> JsonObject:
    return value if kind in _TEXTS else _object(value, kind, links)


def _text(text: str, kind: str, links: Links) -> str:
    rewrite = _TEXTS.get(kind)
    return text if rewrite is None else rewrite(text, links)


def _reference(text: str, links: Links) -> str:
    return links.reference(text)


def _url(text: str, links: Links) -> str:
    return links.url(text)


def _narrative(text: str, links: Links) -> str:
    if "href" not in text and "src" not in text:
        return text
    return _NARRATIVE_LINK.sub(lambda found: f"{found[1]}{found[2]}{links.url(found[3])}{found[2]}", text)


_TEXTS: Final[Mapping[str, Callable[[str, Links], str]]] = {
    _REFERENCE: _reference,
    "url": _url,
    "xhtml": _narrative,
}


@cache
def _properties(datatype: str) -> dict[str, str]:
    """The JSON properties that are links or may hold some: a link's kind, or the type to go on in."""
    found = dict[str, str]()
    for element in structure(datatype).elements:
        for name, type in element.json_names().items():
            if name == "url" and datatype in RESOURCE_TYPES:
                continue
            if datatype == "Reference" and name == "reference":
                found[name] = _REFERENCE
            elif type in _URLS:
                found[name] = "url"
            elif type == "xhtml" or type not in primitives():
                found[name] = type
            if type in primitives():
                found[f"_{name}"] = "Element"
    return found
