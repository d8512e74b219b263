"""What the OpenAPI document says of the endpoints for tokens, and of the pages.

https://spec.openapis.org/oas/v3.1.0#operation-object
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.rest.negotiation import FORM

# Any: a part of an OpenAPI document, an open tree of JSON
Json = dict[str, Any]

_JSON: Final = "application/json"
_TEXT: Final[Json] = {"type": "string"}
_CLIENT: Final = {
    "client_id": "The client; in the form where it proves itself by no header",
    "client_secret": "Its secret, where it is not sent as the password of HTTP Basic",
    "client_assertion_type": "`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`",
    "client_assertion": "The JWT that it signed",
}
_REFUSED: Final = {
    400: "The request cannot be granted; `error` says why",
    401: "The client is not known, or did not prove itself (`invalid_client`)",
    429: "Too many requests from this address; see `Retry-After`",
    503: "The database is away; see `Retry-After`",
}
_PAGES: Final = {
    303: "On to the next page, or back to the app",
    400: "What was sent cannot be answered",
    403: "Nobody is logged in, the form is of no page of this server, or it may not be done",
    404: "This is not here, or not any more",
    413: "The form is too large",
    415: "What was sent is no form",
    422: "A field of the form is to be corrected",
    429: "Too many requests, or too many wrong passwords; see `Retry-After`",
    503: "The server is busy",
}
PROOF: Final[Json] = {"security": [{"client": []}, {}]}
"""A client proves itself by HTTP Basic, or in the form."""
ADMINISTRATORS_TOO: Final[Json] = {"security": [{"client": []}, {"bearer": []}, {}]}

SCHEMES: Final[Json] = {
    "client": {"type": "http", "scheme": "basic", "description": "The id and the secret of a client"}
}

TOKENS: Final[Json] = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {
        "access_token": _TEXT,
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "description": "Seconds"},
        "scope": {"type": "string", "description": "What was granted"},
        "refresh_token": _TEXT,
        "id_token": _TEXT,
        "patient": {"type": "string", "description": "The id of the patient of the launch"},
        "encounter": {"type": "string", "description": "The id of the encounter of the launch"},
        "fhirContext": {"type": "array", "items": {"type": "object"}},
        "intent": _TEXT,
        "need_patient_banner": {"type": "boolean"},
        "smart_style_url": {"type": "string", "format": "uri"},
    },
}
WORTH: Final[Json] = {
    "type": "object",
    "required": ["active"],
    "properties": {
        "active": {"type": "boolean"},
        **dict.fromkeys(("scope", "client_id", "token_type", "sub", "iss", "fhirUser", "patient"), _TEXT),
        **{name: {"type": "integer"} for name in ("exp", "iat")},
    },
}
KEYS: Final[Json] = {
    "type": "object",
    "required": ["keys"],
    "properties": {"keys": {"type": "array", "items": {"type": "object", "required": ["kty", "kid"]}}},
}
METADATA: Final[Json] = {
    "type": "object",
    "required": ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"],
}
_ERROR: Final[Json] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _TEXT, "error_description": _TEXT, "error_uri": _TEXT},
}

AUTHORIZE: Final = {
    "response_type": "`code`",
    "client_id": "As registered",
    "redirect_uri": "As registered, to the letter",
    "scope": "What the app asks for, with spaces between",
    "state": "What comes back as it was",
    "aud": "The address of `/fhir`",
    "code_challenge": "The S256 challenge of PKCE",
    "code_challenge_method": "`S256`",
    "launch": "The handle of an EHR's launch",
    "nonce": "What the id_token repeats",
    "prompt": "`none`, `login`, `consent`",
    "max_age": "Seconds since the person logged in, at most",
    "login_hint": "The name that the person logs in with",
}
_NEEDED: Final = ("response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method")


def client_form(needed: str, fields: Mapping[str, str]) -> Json:
    """What a client sends: `needed`, other fields, and its own proof."""
    return _form({**fields, **_CLIENT}, (needed,)) | PROOF


def authorize_query() -> Json:
    """The parameters of the authorization endpoint in an address."""
    return {
        "parameters": [
            {"name": name, "in": "query", "description": text, "required": name in _NEEDED, "schema": _TEXT}
            for name, text in AUTHORIZE.items()
        ]
    }


def authorize_form() -> Json:
    """The same in a form."""
    return _form(AUTHORIZE, _NEEDED)


def page_query(name: str) -> Json:
    """The one parameter of a page."""
    described = "What the page is about, as the page before it said"
    return {"parameters": [{"name": name, "in": "query", "description": described, "schema": _TEXT}]}


def page_form(*fields: str) -> Json:
    """The fields of a page's form, beside the token that every form of a page has."""
    described = {"token": "What the page had in it", **dict.fromkeys(fields, "As the page has it")}
    return _form(described, ("token",))


def answers(description: str, schema: Json) -> dict[int | str, Json]:
    """JSON for everyone."""
    return {200: {"description": description, "content": {_JSON: {"schema": schema}}}}


def unavailable() -> dict[int | str, Json]:
    """What is answered without the database."""
    schema = {"$ref": "#/components/schemas/OperationOutcome"}
    return {503: {"description": _REFUSED[503], "content": {"application/fhir+json": {"schema": schema}}}}


def of_tokens(description: str, schema: Json) -> dict[int | str, Json]:
    """JSON, or an error as OAuth has it."""
    refused = {
        status: {"description": why, "content": {_JSON: {"schema": _ERROR}}}
        for status, why in _REFUSED.items()
    }
    return answers(description, schema) | refused


def of_pages() -> dict[int | str, Json]:
    """Pages, and ways on."""
    page: Json = {"content": {"text/html": {"schema": _TEXT}}}
    return {
        status: {"description": text} | ({} if status == 303 else page) for status, text in _PAGES.items()
    }


def _form(fields: Mapping[str, str], needed: tuple[str, ...]) -> Json:
    properties = {name: {"type": "string", "description": text} for name, text in fields.items()}
    schema = {"type": "object", "required": list(needed), "properties": properties}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}
