"""A client that signs: the assertion it proves itself with, checked part by part.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from joserfc import jws
from joserfc.errors import JoseError

from smart_auth.oauth.form import FormRequest
from smart_auth.oauth.kept import Kept
from smart_auth.oauth.registered import Registered
from smart_auth.oauth.signed import REGISTRY, Signed, invalid
from smart_auth.public_key import KeyUnfit, public_key

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(minutes=5)
_MOST_JTI: Final = 256


def asserted(request: FormRequest, kept: Kept) -> Registered:
    """The client that signed the assertion, which was not used before.

    Raises InvalidRequestError for a request that is not of this form, InvalidClientError for what does not hold.
    """
    form = request.form
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidRequestError(f"client_assertion_type must be {ASSERTION_TYPE}.")
    found = request.signed
    if not isinstance(found, Signed):
        raise found or invalid("There is no assertion.")
    _verify(found)
    until = _check_claims(found.claims, request)
    client = found.client
    if not request.wait(kept.replays.first(client.id, str(found.claims["jti"]), until, request.asked.now)):
        raise invalid("The assertion was used before: its jti must be new.")
    return Registered(client)


def _verify(found: Signed) -> None:
    try:
        key = public_key(found.key)
        jws.deserialize_compact(found.text, key, algorithms=[found.algorithm], registry=REGISTRY)
    except KeyUnfit as error:
        raise invalid(str(error)) from error
    except (JoseError, ValueError) as error:
        raise invalid("The signature of the assertion does not hold under the client's key.") from error


def _check_claims(claims: Mapping[str, object], request: FormRequest) -> datetime:
    """Until when the assertion could be used."""
    here, now = request.asked.here, request.asked.now
    if not here.binding:
        raise invalid("This server does not know its own address. Its operator must set FHIR_BASE_URL.")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if here.token not in named and here.issuer not in named:
        raise invalid(f"aud of the assertion must be {here.token}.")
    expires = _moment(claims, "exp")
    if expires is None or expires <= now - LEEWAY:
        raise invalid("exp of the assertion is missing or has passed.")
    if expires > now + LONGEST + LEEWAY:
        raise invalid("exp of the assertion is more than five minutes ahead.")
    for name in ("nbf", "iat"):
        moment = _moment(claims, name)
        if moment is not None and moment > now + LEEWAY:
            raise invalid(f"{name} of the assertion is in the future.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MOST_JTI:
        raise invalid(f"jti of the assertion must be a text of 1 to {_MOST_JTI} characters.")
    return expires + LEEWAY


def _moment(claims: Mapping[str, object], name: str) -> datetime | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"{name} of the assertion is no number.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise invalid(f"{name} of the assertion is no time.") from error
