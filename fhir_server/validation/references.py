"""The grammar of `Reference.reference`.

https://hl7.org/fhir/R4/references.html#literal
"""

import re
from collections.abc import Collection, Iterable
from functools import cache
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES

# No upper bound: it would make the expression 64 times as large, and R4's own examples refer to longer ids.
_ID = r"[A-Za-z0-9\-.]+"
_FRAGMENT = f"#(?:{_ID})?"
_URN = (
    "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"
)
_HTTP = "https?://[!-~]+"
_ABSOLUTE: Final = re.compile(rf"https?://\S+/([A-Za-z]+)/{_ID}(?:/_history/{_ID})?\Z")


@cache
def reference_pattern() -> str:
    """The anchored expression of any reference. Which types it may name is not looked at here: see `is_target`."""
    return f"^(?:{_relative(RESOURCE_TYPES)}|{_FRAGMENT}|{_URN}|{_HTTP})$"


@cache
def local_reference_pattern(targets: tuple[str, ...]) -> str:
    """The anchored expression of references that certainly name one of those types, or any if there are none."""
    anywhere = f"{_URN}|{_HTTP}" if not targets else _URN
    return f"^(?:{_relative(targets or RESOURCE_TYPES)}|{anywhere})$"


def _relative(types: Iterable[str]) -> str:
    return f"(?:{'|'.join(types)})/{_ID}(?:/_history/{_ID})?"


def named_type(reference: str) -> str | None:
    """The resource type that a relative or absolute reference names; None if it names none."""
    if reference.startswith(("http://", "https://")):
        match = _ABSOLUTE.match(reference)
        return match[1] if match and match[1] in RESOURCE_TYPES else None
    name, slash, _ = reference.partition("/")
    return name if slash and name in RESOURCE_TYPES else None


def is_target(reference: str, targets: Collection[str]) -> bool:
    """Whether the type that the reference names, if any, is one of `targets` (empty: any)."""
    type = named_type(reference)
    return type is None or not targets or type in targets
