"""The grammar of `Reference.reference`.

https://hl7.org/fhir/R4/references.html#literal

Any of R4's types may be named, also one that the element does not list as a target: R4's own examples do so four times,
and HAPI's validator looks at targets only where the target is at hand, as `faults.py` does for contained resources.
"""

import re
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
_URL = "[A-Za-z][A-Za-z0-9+.-]*://[!-~]+"
_ABSOLUTE: Final = re.compile(rf"https?://\S+/([A-Za-z]+)/{_ID}(?:/_history/{_ID})?\Z")


@cache
def reference_pattern() -> str:
    """The anchored expression of any reference."""
    return f"^(?:{_FRAGMENT}|{_elsewhere()})$"


@cache
def outward_reference_pattern() -> str:
    """The anchored expression of any reference that leaves the resource: all but `#id`."""
    return f"^(?:{_elsewhere()})$"


def _elsewhere() -> str:
    types = "|".join(RESOURCE_TYPES)
    return f"(?:{types})/{_ID}(?:/_history/{_ID})?|{_URN}|{_URL}"


def named_type(reference: str) -> str | None:
    """The resource type that a relative or absolute reference names; None if it names none."""
    if reference.startswith(("http://", "https://")):
        match = _ABSOLUTE.match(reference)
        return match[1] if match and match[1] in RESOURCE_TYPES else None
    name, slash, _ = reference.partition("/")
    return name if slash and name in RESOURCE_TYPES else None
