"""References: relative, absolute, versioned, `urn:`, canonical, or by a business identifier.

https://hl7.org/fhir/R4/search.html#reference
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params import hashes
from fhir_server.search.params.paths import Node

READ: Final = frozenset({"Reference", "canonical", "uri"})

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_RESOURCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?")


@dataclass(frozen=True, slots=True)
class Asked:
    """The texts any of which a resource may refer by."""

    keys: tuple[str, ...]


def keys(text: str, base_url: str = "") -> tuple[str, ...]:
    """The texts that the reference `text` is found by: without our own base, and without its version too."""
    if text.startswith("#"):
        return ()
    if base_url and text.startswith(base_url + "/"):
        text = text[len(base_url) + 1 :]
    if "/_history/" in text:
        return (text, text.partition("/_history/")[0])
    if "|" in text:
        return (text, text.partition("|")[0])
    return (text,)


def asked(text: str, targets: Iterable[str], base_url: str = "") -> Asked:
    """What `text` refers to; a bare id may be of any of `targets`. Raises ValueError for something else."""
    if text and ":" not in text and "/" not in text:
        if not _ID.fullmatch(text):
            raise ValueError("is no reference. Write `Type/id`, an id or an absolute URL")
        return Asked(tuple(f"{target}/{text}" for target in targets))
    local = keys(text, base_url)[:1]
    if not local or (":" not in local[0] and type_of(local[0]) is None):
        raise ValueError("is no reference. Write `Type/id`, an id or an absolute URL")
    return Asked(local)


def type_of(key: str) -> str | None:
    """The resource type that a reference's text names, None when it names none of R4's."""
    found = _RESOURCE.fullmatch(key)
    return found[1] if found and found[1] in RESOURCE_TYPES else None


def patient_id(key: str) -> str | None:
    """The id, when `key` is `Patient/id` of this server."""
    return key[8:] if key.startswith("Patient/") and "/" not in key[8:] else None


def text_of(node: Node) -> str | None:
    """The text that the element refers by; None for one that only has an identifier or a display."""
    return node if isinstance(node, str) else node.get("reference")


def refers_to(node: Node, resource_type: str) -> bool:
    """Whether the element says that it refers to a resource of that type."""
    text = text_of(node)
    return (text is not None and type_of(text) == resource_type) or node.get("type") == resource_type


def matches(wanted: Asked, node: Node, base_url: str = "") -> bool:
    """Whether the element refers to what was asked for."""
    text = text_of(node)
    return text is not None and not set(wanted.keys).isdisjoint(keys(text, base_url))


def token(prefix: str, key: str) -> int:
    """The token of one of `keys`, as stored and as asked."""
    return hashes.token(prefix, "r", key)
