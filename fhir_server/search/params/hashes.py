"""The numbers that stand for parameters and for exact values in the index.

https://hl7.org/fhir/R4/search.html#token

They are written to the database, so a change of them is a change of the index: see `INDEX_VERSION`. Parts are joined by
U+0000, which no stored string contains. SHA-256, because PostgreSQL has it too: a chain's token is made from ids there.
"""

from functools import lru_cache
from hashlib import blake2b, sha256


def token(*parts: str) -> int:
    """The 64 bits, as a signed number, that stand for `parts`."""
    return int.from_bytes(sha256("\0".join(parts).encode()).digest()[:8], "big", signed=True)


def in_sql(*parts: str, last: str) -> str:
    """The SQL expression of the token of `parts` followed by the text that the expression `last` gives."""
    before = ("\0".join(parts) + "\0").encode().hex()
    digest = f"encode(sha256('\\x{before}'::bytea || convert_to({last}, 'UTF8')), 'hex')"
    return f"('x' || substr({digest}, 1, 16))::bit(64)::bigint"


@lru_cache(maxsize=8192)
def present(prefix: str) -> int:
    """The token that says that the parameter `prefix` (`Type.code`) has a value, for `:missing`."""
    return token(prefix, "?")


@lru_cache(maxsize=8192)
def number(prefix: str) -> int:
    """The positive 31-bit number of a parameter in the range and string tables; a test holds them distinct."""
    return int.from_bytes(blake2b(prefix.encode(), digest_size=4).digest(), "big") >> 1
