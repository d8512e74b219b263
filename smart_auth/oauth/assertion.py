"""A client that signs: the assertion it proves itself with, checked part by part.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from joserfc import jwk, jws
from joserfc.errors import JoseError

from smart_auth.client_keys import KeyMissing
from smart_auth.clients import Client
from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.kept import Kept
from smart_auth.oauth.registered import Registered
from smart_auth.public_key import KeyUnfit, public_key

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(minutes=5)
KEY_TYPES: Final = MappingProxyType({"RS384": "RSA", "ES384": "EC"})
_MOST_BYTES: Final = 16_384
_REFUSED_HEADERS: Final = ("crit", "b64", "jwk", "x5u")
_MOST_JTI: Final = 256


class _Tolerant(jws.JWSRegistry):
    """Headers that nobody knows are passed over, and one may carry a chain of certificates."""

    max_header_length = _MOST_BYTES


_REGISTRY: Final = _Tolerant(algorithms=list(KEY_TYPES), strict_check_header=False)


def asserted(request: FormRequest, kept: Kept) -> Registered:
    """The client that signed the assertion, which was not used before.

    Raises InvalidRequestError for a request that is not of this form, InvalidClientError for what does not hold.
    """
    form = request.form
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidRequestError(f"client_assertion_type must be {ASSERTION_TYPE}.")
    text = form.get("client_assertion", "")
    header, claims = _parts(text)
    client = _issuer(claims, request, kept)
    _check_header(header, client)
    _verify(text, _key(header, client, request, kept), str(header["alg"]))
    until = _check_claims(claims, request)
    if not request.wait(kept.replays.first(client.id, str(claims["jti"]), until, request.asked.now)):
        raise _invalid("The assertion was used before: its jti must be new.")
    return Registered(client)


def _invalid(text: str) -> InvalidClientError:
    return InvalidClientError(text, status_code=401)


def _parts(text: str) -> tuple[Mapping[str, object], Mapping[str, object]]:
    if len(text) > _MOST_BYTES:
        raise _invalid("The assertion is too long.")
    try:
        token = jws.extract_compact(text.encode("ascii"), registry=_REGISTRY)
        claims = json.loads(token.payload)
    except (JoseError, ValueError, RecursionError) as error:
        raise _invalid("The assertion is no signed JWT.") from error
    header = token.headers()
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise _invalid("The assertion is no signed JWT.")
    return header, claims


def _issuer(claims: Mapping[str, object], request: FormRequest, kept: Kept) -> Client:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or claims.get("sub") != issuer or not issuer.isascii() or "\0" in issuer:
        raise _invalid("iss and sub of the assertion must both be the client_id.")
    client = request.wait(kept.clients.find(issuer))
    if client is None or client.authentication != "private_key_jwt":
        raise _invalid("The client is not registered to sign assertions.")
    return client


def _check_header(header: Mapping[str, object], client: Client) -> None:
    if header.get("alg") not in tuple(KEY_TYPES):
        raise _invalid(f"alg of the assertion must be {' or '.join(KEY_TYPES)}.")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise _invalid("typ of the assertion must be JWT.")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise _invalid("The assertion must name its key: kid.")
    for name in _REFUSED_HEADERS:
        if name in header:
            raise _invalid(f"The assertion must not have the header {name}.")
    if "jku" in header and (client.jwks_uri is None or header["jku"] != client.jwks_uri):
        raise _invalid("jku of the assertion is not the address that is registered for the client's keys.")


def _key(header: Mapping[str, object], client: Client, request: FormRequest, kept: Kept) -> jwk.Key:
    algorithm = str(header["alg"])
    kind = KEY_TYPES[algorithm]
    try:
        found = request.wait(kept.client_keys.key(client, str(header["kid"]), kind))
    except KeyMissing as error:
        raise _invalid(str(error)) from error
    try:
        return public_key(found)
    except KeyUnfit as error:
        raise _invalid(str(error)) from error


def _verify(text: str, key: jwk.Key, algorithm: str) -> None:
    try:
        jws.deserialize_compact(text, key, algorithms=[algorithm], registry=_REGISTRY)
    except (JoseError, ValueError) as error:
        raise _invalid("The signature of the assertion does not hold under the client's key.") from error


def _check_claims(claims: Mapping[str, object], request: FormRequest) -> datetime:
    """Until when the assertion could be used."""
    here, now = request.asked.here, request.asked.now
    if not here.binding:
        raise _invalid("This server does not know its own address. Its operator must set FHIR_BASE_URL.")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if here.token not in named and here.issuer not in named:
        raise _invalid(f"aud of the assertion must be {here.token}.")
    expires = _moment(claims, "exp")
    if expires is None or expires <= now - LEEWAY:
        raise _invalid("exp of the assertion is missing or has passed.")
    if expires > now + LONGEST + LEEWAY:
        raise _invalid("exp of the assertion is more than five minutes ahead.")
    for name in ("nbf", "iat"):
        moment = _moment(claims, name)
        if moment is not None and moment > now + LEEWAY:
            raise _invalid(f"{name} of the assertion is in the future.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MOST_JTI:
        raise _invalid(f"jti of the assertion must be a text of 1 to {_MOST_JTI} characters.")
    return expires + LEEWAY


def _moment(claims: Mapping[str, object], name: str) -> datetime | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f"{name} of the assertion is no number.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise _invalid(f"{name} of the assertion is no time.") from error
