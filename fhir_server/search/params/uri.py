"""URIs, compared as they are written.

https://hl7.org/fhir/R4/search.html#uri
"""

from typing import Final

from fhir_server.search.params import hashes

READ: Final = frozenset({"uri", "url", "canonical"})


def token(prefix: str, uri: str) -> int:
    """The token of `uri`, as stored and as asked."""
    return hashes.token(prefix, "u", uri)
