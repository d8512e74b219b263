"""The pointer that stands in a Binary for a content in the blob store, as an extension of its `data`.

https://hl7.org/fhir/R4/json.html#primitive: what is said of a primitive without a value stands under `_data`.

Only the server writes it: who could would read any content whose hash they know.
"""

import base64
import binascii
import re
from typing import Final

from fhir_server.errors import InvalidResource
from fhir_server.json import JsonObject, JsonValue
from fhir_server.store.blobs.port import Digest

BINARY: Final = "Binary"
URL: Final = "urn:fhir-server:extension:blob"

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SPACE: Final = str.maketrans("", "", " \t\r\n")


def content(tree: JsonObject) -> bytes:
    """The content that a valid Binary carries in `data` itself; empty when it has none."""
    data = tree.get("data")
    return base64.b64decode(data.translate(_SPACE)) if isinstance(data, str) else b""


def with_content(tree: JsonObject, content: bytes) -> JsonObject:
    """`tree` with `content` in `data`."""
    return {**tree, "data": base64.b64encode(content).decode()}


def encoded_size(tree: JsonObject) -> int:
    """About how many bytes `data` stands for, without reading them."""
    data = tree.get("data")
    return len(data) * 3 // 4 if isinstance(data, str) else 0


def pointing(tree: JsonObject, digest: Digest) -> JsonObject:
    """`tree` with a pointer in the place of `data`; whatever else was said of `data` stays."""
    said = tree.get("_data")
    others = said.get("extension", []) if isinstance(said, dict) else []
    pointer: JsonValue = {
        "url": URL,
        "extension": [
            {"url": "sha256", "valueString": digest.sha256.hex()},
            {"url": "size", "valueDecimal": digest.size},
        ],
    }
    rest = {name: value for name, value in tree.items() if name not in ("data", "_data")}
    known = said if isinstance(said, dict) else {}
    return {**rest, "_data": {**known, "extension": [pointer, *(others if isinstance(others, list) else [])]}}


def pointer(tree: JsonObject) -> Digest | None:
    """What a stored Binary points to; None for one that carries its content itself, or has none."""
    match tree.get("_data"):
        case {
            "extension": [
                {"url": url, "extension": [{"valueString": str(sha256)}, {"valueDecimal": int(size)}]},
                *_,
            ]
        } if url == URL and _SHA256.fullmatch(sha256):
            return Digest(binascii.unhexlify(sha256), size)
    return None


def without(tree: JsonObject) -> JsonObject:
    """`tree` without its pointer; the same tree when it has none."""
    said = tree.get("_data")
    if pointer(tree) is None or not isinstance(said, dict):
        return tree
    others = said["extension"][1:]  # type: ignore[index]  # a list, as the pointer was found in it
    kept: JsonObject = {name: value for name, value in said.items() if name != "extension"}
    if others:
        kept["extension"] = others
    rest: JsonObject = {name: value for name, value in tree.items() if name != "_data"}
    return {**rest, "_data": kept} if kept else rest


def refuse(tree: JsonObject) -> None:
    """Nothing; InvalidResource for a Binary from outside that carries a pointer."""
    said = tree.get("_data")
    extensions = said.get("extension") if isinstance(said, dict) else None
    found = extensions if isinstance(extensions, list) else []
    if any(isinstance(each, dict) and each.get("url") == URL for each in found):
        raise InvalidResource(
            "The content of this Binary was left out of the answer it comes from. Read the Binary by itself, and send "
            "it with its data.",
            "Binary.data",
        )
