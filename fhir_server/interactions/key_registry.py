"""The keys that this server signs with, as administrators are shown them.

https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys
"""

from fhir_server.json import JsonObject
from smart_auth.ports import SigningKey


def key_view(key: SigningKey) -> JsonObject:
    """The key's id and algorithm, and whether it still signs."""
    return {"kid": key.kid, "algorithm": key.algorithm, "signs": key.private is not None}
