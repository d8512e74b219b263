"""Who logged in, signed for the one app that asked.

https://openid.net/specs/openid-connect-core-1_0.html#IDToken; https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""

import json
from functools import lru_cache

from joserfc import jwk, jwt

from smart_auth.addresses import Addresses
from smart_auth.grants import Grant
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.kept import ID_TOKEN_LIFE, Kept
from smart_auth.ports import SigningKey

ALGORITHM = "RS256"
"""What every client of OpenID Connect can check."""


def id_token(request: FormRequest, grant: Grant, kept: Kept) -> str:
    """The id_token of a grant that was just made, under the newest key."""
    keys = request.wait(kept.signing_keys.keys())
    key = next(key for key in keys if key.algorithm == ALGORITHM and key.private is not None)
    return signed(key, claims(request, grant))


def claims(request: FormRequest, grant: Grant) -> dict[str, object]:
    """Who they are (`sub`, `fhirUser`), to which app, from when until when."""
    now = int(request.asked.now.timestamp())
    told: dict[str, object] = {
        "iss": request.asked.here.issuer,
        "sub": grant.user,
        "aud": grant.client,
        "iat": now,
        "exp": now + int(ID_TOKEN_LIFE.total_seconds()),
        "auth_time": int(grant.auth_time.timestamp()),
    }
    if grant.nonce is not None:
        told["nonce"] = grant.nonce
    if (person := fhir_user(grant, request.asked.here)) is not None:
        told["fhirUser"] = person
    return told


def fhir_user(grant: Grant, here: Addresses) -> str | None:
    """The address of the resource that the person is, where the app was granted to know it."""
    return None if grant.fhir_user is None else f"{here.fhir}/{grant.fhir_user}"


def signed(key: SigningKey, told: dict[str, object]) -> str:
    """`told` as a JWT under the key."""
    private = _read(json.dumps(key.private))
    return jwt.encode({"alg": key.algorithm, "kid": key.kid}, told, private, algorithms=[key.algorithm])


@lru_cache(maxsize=4)
def _read(text: str) -> jwk.Key:
    """The key; to read one takes far longer than to sign with it."""
    return jwk.import_key(json.loads(text))
