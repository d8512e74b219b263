"""What becomes of a resource's narrative when a patch changes what it tells.

https://hl7.org/fhir/R4/http.html#patch: it must not be clinically unsafe afterwards.
"""

from typing import Final

from fhir_server.errors import Unprocessable
from fhir_server.json import JsonObject

_MADE_OF_ELEMENTS: Final = frozenset({"generated", "extensions"})
_NOT_TOLD: Final = frozenset({"text", "meta"})


def without_stale_narrative(resource_type: str, before: JsonObject, after: JsonObject) -> JsonObject:
    """`after`, without a narrative that was made of elements which are others now.

    Raises Unprocessable where the narrative says more than the elements, so that it cannot be left out.
    """
    text = after.get("text")
    if not isinstance(text, dict) or text.get("status") == "empty" or _told(before) == _told(after):
        return after
    if text.get("status") not in _MADE_OF_ELEMENTS:
        raise Unprocessable(
            f"{resource_type}.text says more than the elements do, and would not fit them any more. Patch it too.",
            f"{resource_type}.text",
        )
    return {name: value for name, value in after.items() if name != "text"}


def _told(tree: JsonObject) -> JsonObject:
    return {name: value for name, value in tree.items() if name not in _NOT_TOLD}
