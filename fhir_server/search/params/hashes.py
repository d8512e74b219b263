"""The numbers that stand for parameters and for exact values in the index.

https://hl7.org/fhir/R4/search.html#token

They are written to the database, so they never change. Parts are joined by U+0000, which no stored string contains.
"""

from functools import lru_cache
from hashlib import blake2b


def token(*parts: str) -> int:
    """The 64 bits, as a signed number, that stand for `parts`."""
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=8).digest(), "big", signed=True)


@lru_cache(maxsize=8192)
def present(prefix: str) -> int:
    """The token that says that the parameter `prefix` (`Type.code`) has a value, for `:missing`."""
    return token(prefix, "?")


@lru_cache(maxsize=8192)
def number(prefix: str) -> int:
    """The positive 31-bit number of a parameter in the range and string tables; a test holds them distinct."""
    return int.from_bytes(blake2b(prefix.encode(), digest_size=4).digest(), "big") >> 1
