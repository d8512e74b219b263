"""What this server says of itself to apps before they ask for anything.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html; https://www.rfc-editor.org/rfc/rfc8414;
https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from collections.abc import Mapping, Sequence
from typing import Final

from smart_auth.addresses import Addresses
from smart_auth.oauth.id_token import ALGORITHM
from smart_auth.oauth.signed import KEY_TYPES
from smart_auth.ports import SigningKey

SCOPES: Final = (
    "openid",
    "fhirUser",
    "launch",
    "launch/patient",
    "launch/encounter",
    "offline_access",
    "online_access",
    "patient/*.cruds",
    "user/*.cruds",
    "system/*.cruds",
    "patient/*.read",
    "patient/*.write",
    "patient/*.*",
    "user/*.read",
    "user/*.write",
    "user/*.*",
    "system/*.read",
    "system/*.write",
    "system/*.*",
)

CAPABILITIES: Final = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)

_METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt")


def smart_configuration(here: Addresses) -> dict[str, object]:
    """`.well-known/smart-configuration` below the address of `/fhir`."""
    return authorization_server(here) | {"capabilities": list(CAPABILITIES)}


def authorization_server(here: Addresses) -> dict[str, object]:
    """`.well-known/oauth-authorization-server`."""
    return {
        "issuer": here.issuer,
        "authorization_endpoint": here.authorize,
        "token_endpoint": here.token,
        "introspection_endpoint": here.introspect,
        "revocation_endpoint": here.revoke,
        "jwks_uri": here.jwks,
        "management_endpoint": here.apps,
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": list(SCOPES),
        "token_endpoint_auth_methods_supported": ["none", *_METHODS],
        "token_endpoint_auth_signing_alg_values_supported": list(KEY_TYPES),
        "introspection_endpoint_auth_methods_supported": list(_METHODS),
        "introspection_endpoint_auth_signing_alg_values_supported": list(KEY_TYPES),
        "revocation_endpoint_auth_methods_supported": ["none", *_METHODS],
        "revocation_endpoint_auth_signing_alg_values_supported": list(KEY_TYPES),
        "authorization_response_iss_parameter_supported": True,
    }


def openid_configuration(here: Addresses) -> dict[str, object]:
    """`.well-known/openid-configuration`, below the issuer."""
    return authorization_server(here) | {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser"],
        "prompt_values_supported": ["none", "login", "consent"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def jwks(keys: Sequence[SigningKey]) -> dict[str, object]:
    """The public parts of this server's keys."""
    return {"keys": [_public(key) for key in keys]}


def _public(key: SigningKey) -> Mapping[str, object]:
    members = ("kty", "n", "e", "crv", "x", "y")
    public = {name: key.public[name] for name in members if name in key.public}
    return {**public, "use": "sig", "alg": key.algorithm, "kid": key.kid}
