"""What a client is registered with: sound, or refused by the member that is not.

https://www.rfc-editor.org/rfc/rfc7591#section-2; https://www.rfc-editor.org/rfc/rfc9700#section-4.1
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from smart_auth.clients import Client
from smart_auth.discovery import SCOPES
from smart_auth.errors import SmartAuthError
from smart_auth.granting import understood
from smart_auth.launch import ANNOUNCE
from smart_auth.ports import Resources
from smart_auth.public_key import KeyUnfit, public_key, shows_private_parts
from smart_auth.scopes import Scope

MOST_NAME: Final = 100
MOST_URI: Final = 2_000
MOST_KEYS: Final = 20

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PRIVATE_USE: Final = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+")
_OF_A_PERSON: Final = frozenset({ANNOUNCE, *(text for text in SCOPES if "/*." not in text)})
_KINDS: Final = frozenset({"RSA", "EC"})

# whether an address may be fetched from; the text says why not
Judge = Callable[[str], str | None]


class ClientRefused(SmartAuthError):
    """A client cannot be registered so; `member` is what is wrong."""

    def __init__(self, member: str, text: str) -> None:
        super().__init__(text)
        self.member = member


def new_id() -> str:
    """An id for a client that was given none."""
    return secrets.token_hex(12)


def checked(client: Client, resources: Resources, judge: Judge) -> Client:
    """The client as it is to be kept. Raises ClientRefused for the first of its members that cannot be."""
    if not _ID.fullmatch(client.id):
        raise ClientRefused(
            "id", f"{client.id[:80]!r} is no id: letters, digits, `.`, `_` and `-`, at most 64."
        )
    if not (client.name.isprintable() and 0 < len(client.name.strip()) <= MOST_NAME):
        raise ClientRefused(
            "name", f"The name is what people are shown: a line of 1 to {MOST_NAME} characters."
        )
    _check_kind(client)
    _check_scopes(client, resources)
    for uri in client.redirect_uris:
        _check_redirect(uri)
    if client.launch_url is not None:
        _check_launch(client.launch_url)
    _check_keys(client, judge)
    return replace(client, name=client.name.strip(), scopes=tuple(dict.fromkeys(client.scopes)))


def _check_kind(client: Client) -> None:
    """What a service for itself has, and what an app for people has."""
    if not client.backend:
        if not client.redirect_uris:
            raise ClientRefused(
                "redirect_uris", "There is no redirect URI: an app for people is answered at one."
            )
        return
    if client.authentication == "none":
        raise ClientRefused(
            "authentication", "A backend proves itself: by private_key_jwt, or client_secret_basic."
        )
    for member in ("redirect_uris", "launch_url", "native", "administration"):
        if getattr(client, member):
            raise ClientRefused(member, f"A backend asks for itself and has no {member}. Leave it out.")


def _check_scopes(client: Client, resources: Resources) -> None:
    if not client.scopes and not client.introspects:
        raise ClientRefused("scopes", "There is no scope: name the most that the client may be granted.")
    for text in client.scopes:
        found = understood(text, resources)
        if found is None and not (text in _OF_A_PERSON and not client.backend):
            raise ClientRefused("scopes", f"{text[:100]!r} is no scope that can be granted here.")
        if found is not None:
            _check_level(found, client, text)


def _check_level(found: Scope, client: Client, text: str) -> None:
    if (found.level == "system") is not client.backend:
        other = "`patient/` and `user/`" if found.level == "system" else "`system/`"
        whose = "An app for people" if found.level == "system" else "A backend"
        raise ClientRefused("scopes", f"{text[:100]!r}: {whose} has {other} scopes only.")


def _check_redirect(uri: str) -> None:
    parts = _parts("redirect_uris", uri)
    if parts.scheme in ("https", "http"):
        _check_web("redirect_uris", uri, parts)
    elif not _PRIVATE_USE.fullmatch(parts.scheme):
        raise ClientRefused(
            "redirect_uris",
            f"{uri[:100]!r} is neither https:// nor of a scheme of the app's own, as in `org.example.app:/back`.",
        )


def _check_launch(uri: str) -> None:
    parts = _parts("launch_url", uri)
    if parts.scheme not in ("https", "http"):
        raise ClientRefused("launch_url", f"{uri[:100]!r} does not begin with https://.")
    _check_web("launch_url", uri, parts)


def _check_web(member: str, uri: str, parts: SplitResult) -> None:
    if not parts.hostname:
        raise ClientRefused(member, f"{uri[:100]!r} names no host.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ClientRefused(member, f"{uri[:100]!r} would be reached in clear. Use https://.")


def _parts(member: str, uri: str) -> SplitResult:
    """A URI that is compared as it is written: without what could make two readers see two addresses."""
    if not (uri.isascii() and uri.isprintable() and len(uri) <= MOST_URI):
        raise ClientRefused(member, f"{uri[:100]!r} is not plain ASCII of at most {MOST_URI} characters.")
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise ClientRefused(member, f"{uri[:100]!r} cannot be read as a URI.") from error
    if parts.fragment or "#" in uri:
        raise ClientRefused(
            member, f"{uri[:100]!r} has a fragment, which no redirect can have. Leave it out."
        )
    if "@" in parts.netloc or any(sign in uri for sign in '*\\ "<>'):
        raise ClientRefused(member, f"{uri[:100]!r} has a user name, a wildcard or a sign that no URI has.")
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_keys(client: Client, judge: Judge) -> None:
    if client.authentication != "private_key_jwt":
        for member, value in (("jwks", client.jwks), ("jwks_uri", client.jwks_uri)):
            if value is not None:
                raise ClientRefused(member, "Only clients with private_key_jwt have keys. Leave them out.")
        return
    if (client.jwks is None) is (client.jwks_uri is None):
        raise ClientRefused("jwks", "A client with private_key_jwt has either jwks or jwks_uri.")
    if client.jwks_uri is not None and (why := judge(client.jwks_uri)) is not None:
        raise ClientRefused("jwks_uri", f"{client.jwks_uri[:100]!r} cannot be asked: {why}")
    if client.jwks is not None:
        _check_jwks(client.jwks)


def _check_jwks(jwks: Mapping[str, object]) -> None:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_KEYS:
        raise ClientRefused("jwks", f"jwks has no `keys`: 1 to {MOST_KEYS} of them.")
    seen = set[tuple[object, object]]()
    for number, key in enumerate(keys):
        _check_key(f"jwks.keys[{number}]", key)
        if (key["kty"], key["kid"]) in seen:
            raise ClientRefused(
                f"jwks.keys[{number}].kid", "Two keys have one kid: no signature would tell which."
            )
        seen.add((key["kty"], key["kid"]))


def _check_key(place: str, key: object) -> None:
    if not isinstance(key, dict) or key.get("kty") not in _KINDS:
        raise ClientRefused(place, "The key is of neither kind, RSA or EC, that a client may sign with.")
    if not isinstance(key.get("kid"), str) or not key["kid"]:
        raise ClientRefused(f"{place}.kid", "The key has no kid, by which a signature names it.")
    if shows_private_parts(key):
        raise ClientRefused(
            place, "The key has its private part with it. Make a new one, and send the public part."
        )
    try:
        public_key(key)
    except KeyUnfit as error:
        raise ClientRefused(place, str(error)) from error
