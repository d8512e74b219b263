"""A client's public key: of a kind that its signatures may be checked with, and no more than public.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Final

from joserfc import jwk
from joserfc.errors import JoseError

from smart_auth.errors import SmartAuthError

RSA_BITS: Final = 2048
CURVE: Final = "P-384"
_PUBLIC_MEMBERS: Final = ("kty", "n", "e", "crv", "x", "y")
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeyUnfit(SmartAuthError):
    """No signature may be checked with the key; the text says why."""


def public_key(members: Mapping[str, object]) -> jwk.Key:
    """The key in a JWK, whatever else the JWK says. Raises KeyUnfit."""
    public: dict[str, str | list[str]] = {
        name: str(members[name]) for name in _PUBLIC_MEMBERS if name in members
    }
    try:
        if _bits(public.get("n")) < RSA_BITS:
            raise KeyUnfit(f"The RSA key of the client has fewer than {RSA_BITS} bits.")
        key = jwk.import_key(public)
    except (JoseError, ValueError, TypeError) as error:
        raise KeyUnfit("The key of the client cannot be read.") from error
    if isinstance(key, jwk.ECKey) and key.curve_name != CURVE:
        raise KeyUnfit(f"The key of the client is not on the curve {CURVE}.")
    return key


def shows_private_parts(members: Mapping[str, object]) -> bool:
    """Whether a JWK has what its owner alone must know."""
    return not _PRIVATE_MEMBERS.isdisjoint(members)


def _bits(modulus: object) -> int:
    """The length of an RSA key by its modulus, enough where it has none. Raises ValueError for one that cannot be read."""
    if modulus is None:
        return RSA_BITS
    text = str(modulus)
    return int.from_bytes(b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)).bit_length()
