"""The extensions of the Subscriptions R5 Backport, read from the element that they stand in.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/artifacts.html
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from fhir_server.errors import Unprocessable
from fhir_server.json import JsonObject, JsonValue

_STEM: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PROFILE: Final = _STEM + "backport-subscription"
FILTER: Final = _STEM + "backport-filter-criteria"
CHANNEL_TYPE: Final = _STEM + "backport-channel-type"
CONTENT: Final = _STEM + "backport-payload-content"
HEARTBEAT: Final = _STEM + "backport-heartbeat-period"
TIMEOUT: Final = _STEM + "backport-timeout"
MAX_COUNT: Final = _STEM + "backport-max-count"

_R5: Final = "http://hl7.org/fhir/5.0/StructureDefinition/"


class Extension(NamedTuple):
    """An extension where it stands: `value` is that of the type it must have, under `place`, a FHIRPath."""

    url: str
    value: JsonValue
    place: str


def extensions(element: JsonValue, place: str, known: dict[str, str]) -> Iterator[Extension]:
    """Those of the guide's extensions that the element at `place` has and that are `known` there, each with its `value[x]`.

    Raises Unprocessable for one of the guide's that does not belong there or has no such value, for those of R5, and for
    any modifier extension: what they ask for would not be done. Other extensions say nothing that is acted on.
    """
    if not isinstance(element, dict):
        return
    if element.get("modifierExtension"):
        raise Unprocessable(
            "A modifier extension is not understood here. Leave it out.", f"{place}.modifierExtension"
        )
    for number, one in enumerate(_objects(element.get("extension"))):
        here, url = f"{place}.extension[{number}]", str(one.get("url"))
        if url.startswith(_R5):
            raise Unprocessable(f"{url[:200]} is an element of R5, which is not served. Leave it out.", here)
        if url not in known:
            if url.startswith(_STEM):
                raise Unprocessable(f"{url[:200]} does not go here. Leave it out.", here)
            continue
        value = one.get(known[url])
        if value is None:
            raise Unprocessable(f"{url} has no {known[url]}. Give it one.", here)
        yield Extension(url, value, here)


def refuse_any(element: JsonValue, place: str) -> None:
    """Nothing. Raises Unprocessable as `extensions` does where none of the guide's is known."""
    deque(extensions(element, place, {}), maxlen=0)


def refuse_others(element: JsonObject, place: str, read: frozenset[str]) -> None:
    """Nothing. Raises Unprocessable as `extensions` does for those of the primitive elements in `element` that are not `read`."""
    for name, beside in element.items():
        if name.startswith("_") and name[1:] not in read:
            for one in beside if isinstance(beside, list) else [beside]:
                refuse_any(one, f"{place}.{name[1:]}")


def single(found: Iterator[Extension]) -> dict[str, Extension]:
    """Extensions by their URL. Raises Unprocessable where one is there twice."""
    by_url = dict[str, Extension]()
    for one in found:
        if one.url in by_url:
            raise Unprocessable(f"{one.url} is given twice. Give it once.", one.place)
        by_url[one.url] = one
    return by_url


def _objects(value: JsonValue) -> list[JsonObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
