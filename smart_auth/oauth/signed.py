"""An assertion that a client signed, taken apart, with the key that it names; whether that key signed it is not known yet.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#signature-verification

This is done before a thread is taken: whoever publishes the key may be slow, and nobody else is to wait for them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from authlib.oauth2.rfc6749.errors import InvalidClientError
from joserfc import jws
from joserfc.errors import JoseError

from smart_auth.client_keys import Jwk, KeyMissing
from smart_auth.clients import Client
from smart_auth.oauth.kept import Kept

KEY_TYPES: Final = MappingProxyType({"RS384": "RSA", "ES384": "EC"})
_MOST_BYTES: Final = 16_384
_REFUSED_HEADERS: Final = ("crit", "b64", "jwk", "x5u")


class _Tolerant(jws.JWSRegistry):
    """Headers that nobody knows are passed over, and one may carry a chain of certificates."""

    max_header_length = _MOST_BYTES


REGISTRY: Final = _Tolerant(algorithms=list(KEY_TYPES), strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """What the assertion `text` says, by which `algorithm` it is signed, of which client it is, and the one key it can be signed with."""

    text: str
    algorithm: str
    claims: Mapping[str, object]
    client: Client
    key: Jwk


async def signed(text: str, kept: Kept) -> Signed | InvalidClientError:
    """The assertion, or why it cannot hold."""
    try:
        header, claims = _parts(text)
        client = await _issuer(claims, kept)
        _check_header(header, client)
        algorithm = str(header["alg"])
        key = await kept.client_keys.key(client, str(header["kid"]), KEY_TYPES[algorithm])
    except KeyMissing as error:
        return invalid(str(error))
    except InvalidClientError as error:
        return error
    return Signed(text, algorithm, claims, client, key)


def invalid(text: str) -> InvalidClientError:
    """Why an assertion does not hold."""
    return InvalidClientError(text, status_code=401)


def _parts(text: str) -> tuple[Mapping[str, object], Mapping[str, object]]:
    if len(text) > _MOST_BYTES:
        raise invalid("The assertion is too long.")
    try:
        token = jws.extract_compact(text.encode("ascii"), registry=REGISTRY)
        claims = json.loads(token.payload)
    except (JoseError, ValueError, RecursionError) as error:
        raise invalid("The assertion is no signed JWT.") from error
    header = token.headers()
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise invalid("The assertion is no signed JWT.")
    return header, claims


async def _issuer(claims: Mapping[str, object], kept: Kept) -> Client:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or claims.get("sub") != issuer or not issuer.isascii() or "\0" in issuer:
        raise invalid("iss and sub of the assertion must both be the client_id.")
    client = await kept.clients.find(issuer)
    if client is None or client.authentication != "private_key_jwt":
        raise invalid("The client is not registered to sign assertions.")
    return client


def _check_header(header: Mapping[str, object], client: Client) -> None:
    if header.get("alg") not in tuple(KEY_TYPES):
        raise invalid(f"alg of the assertion must be {' or '.join(KEY_TYPES)}.")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise invalid("typ of the assertion must be JWT.")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise invalid("The assertion must name its key: kid.")
    for name in _REFUSED_HEADERS:
        if name in header:
            raise invalid(f"The assertion must not have the header {name}.")
    if "jku" in header and (client.jwks_uri is None or header["jku"] != client.jwks_uri):
        raise invalid("jku of the assertion is not the address that is registered for the client's keys.")
