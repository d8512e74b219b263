"""Which resources a resource's text names: its references, and the addresses of its attachments.

https://hl7.org/fhir/R4/references.html#literal
"""

import re
from collections.abc import Iterator
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.rows import Key

# a quote inside a JSON string is escaped, so that neither property can be found within a text
_NAMED: Final = re.compile(
    r'"(reference|url)": ?"([^"\\]*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?"'
)


def mentions(body: str, base_url: str) -> Iterator[Key]:
    """The type and id of each resource of this server that `body` names: Binaries by attachments, others by references."""
    for element, base, type, id in _NAMED.findall(body):
        if base not in ("", f"{base_url}/") or type not in RESOURCE_TYPES:
            continue
        if element == "reference" or type == "Binary":
            yield type, id


def names(body: str, type: str, id: str, base_url: str) -> bool:
    """Whether `body` names the resource."""
    return (type, id) in mentions(body, base_url)
