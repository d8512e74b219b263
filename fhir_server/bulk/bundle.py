"""The resources of a Bundle, with their links to each other made to last.

https://hl7.org/fhir/R4/bundle.html#references
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fhir_server.errors import RequestError, Unprocessable
from fhir_server.interactions.bundle.links import linked
from fhir_server.json import JsonObject, JsonValue, dumps

UNPACKED: Final = frozenset({"collection", "transaction", "batch", "searchset"})
"""Bundles that stand for the resources in them; a document or message is a resource of its own."""

_URN: Final = "urn:uuid:"
_NAMESPACE: Final = uuid.UUID("3f0d8dc3-4a35-4f6b-9b0d-0c4b8b3d8e51")


@dataclass(frozen=True, slots=True)
class _Lasting:
    """Links to entries by their fullUrl become links to the resources; all others stay, whatever they lead to."""

    places: Mapping[str, str]

    def reference(self, text: str) -> str:
        return self.places.get(text, text)

    def url(self, text: str) -> str:
        return self.places.get(text, text)


def is_unpacked(tree: JsonObject) -> bool:
    """Whether `tree` is a Bundle that is loaded entry by entry."""
    return tree.get("resourceType") == "Bundle" and tree.get("type") in UNPACKED


def resources(tree: JsonObject) -> Iterator[JsonObject | RequestError]:
    """Each entry's resource with an id and lasting references, in order; a RequestError where it cannot be had."""
    entries = tree.get("entry")
    pairs = [(_full_url(entry), _resource(entry)) for entry in (entries if isinstance(entries, list) else [])]
    named = [(url, each if isinstance(each, RequestError) else _named(each, url)) for url, each in pairs]
    lasting = {
        url: f"{each.get('resourceType')}/{each['id']}"
        for url, each in named
        if url and not isinstance(each, RequestError)
    }
    for _, each in named:
        yield each if isinstance(each, RequestError) else linked(each, _Lasting(lasting))


def with_id(tree: JsonObject) -> JsonObject:
    """`tree` with an id, the same for the same content where it brings none, so that loading it again changes nothing."""
    if "id" in tree:
        return tree
    return {**tree, "id": str(uuid.uuid5(_NAMESPACE, dumps(tree).decode()))}


def _resource(entry: JsonValue) -> JsonObject | RequestError:
    if not isinstance(entry, dict) or not isinstance(resource := entry.get("resource"), dict):
        return Unprocessable(
            "The entry has no resource. Only resources can be loaded.", "Bundle.entry.resource"
        )
    request = entry.get("request")
    if isinstance(request, dict):
        if "ifNoneExist" in request or "?" in str(request.get("url", "")):
            return Unprocessable(
                "A conditional request cannot be loaded: it depends on what is there. Remove the condition.",
                "Bundle.entry.request",
            )
        if request.get("method") not in ("POST", "PUT"):
            return Unprocessable(
                f"The method {request.get('method')!r} cannot be loaded. Only POST and PUT can.",
                "Bundle.entry.request.method",
            )
    return resource


def _named(resource: JsonObject, full_url: str) -> JsonObject:
    """A temporary `urn:uuid:` becomes the id of a resource that has none."""
    if "id" not in resource and full_url.startswith(_URN):
        return {**resource, "id": full_url.removeprefix(_URN)}
    return with_id(resource)


def _full_url(entry: JsonValue) -> str:
    full_url = entry.get("fullUrl") if isinstance(entry, dict) else None
    return full_url if isinstance(full_url, str) else ""
