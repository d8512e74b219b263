"""The ports of authorization in memory, and what a test asks of the endpoints."""

import asyncio
import base64
import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from smart_auth import tokens
from smart_auth.addresses import addresses
from smart_auth.authorize import Approval, approve, validated
from smart_auth.client_keys import ClientKeys
from smart_auth.clients import Client
from smart_auth.errors import FetchFailed
from smart_auth.grants import Held
from smart_auth.oauth.endpoints import Endpoints
from smart_auth.oauth.form import Form
from smart_auth.oauth.kept import Kept, Lives
from smart_auth.person import Person
from smart_auth.ports import Fetched, SigningKey

HERE = addresses("https://server.example/fhir")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BACK = "https://app.example/back"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET = "s" * 40

RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-384", {"kid": "ec"})
SIGNING = RSAKey.generate_key(2048, {"kid": "ours"})

ASKED = ("openid", "fhirUser", "launch/patient", "offline_access", "patient/*.rs")
PUBLIC = Client(
    "public", "Growth chart", "none", (*ASKED, "online_access", "user/*.cruds"), redirect_uris=(BACK,)
)
SECRETIVE = replace(
    PUBLIC, id="secretive", authentication="client_secret_basic", secrets=(tokens.sha256(SECRET),)
)
SIGNED = replace(
    PUBLIC,
    id="signed",
    authentication="private_key_jwt",
    jwks={"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]},
)
BACKEND = replace(SIGNED, id="backend", backend=True, redirect_uris=(), scopes=("system/*.rs",))
CLIENTS = (PUBLIC, SECRETIVE, SIGNED, BACKEND)
CLARA = Person("clara", "practitioner", "Practitioner/clara")


class Resources:
    """Two types, told apart by two parameters."""

    def is_type(self, name):
        return name in {"Patient", "Observation", "AuditEvent", "DiagnosticReport"}

    def filters(self, type, parameter, value):
        return type != "*" and parameter in {"category", "code"}


class Grants:
    """What the database does, without one."""

    def __init__(self):
        self.grants, self.onces, self.tokens, self.revoked = {}, {}, {}, set()

    async def open(self, grant, code):
        self.grants[grant.id] = grant
        self.onces[code.sha256] = Held(code, grant)

    async def held(self, sha256, kind, now):
        held = self.onces.get(sha256)
        if held is None or held.once.kind != kind or held.grant.id in self.revoked:
            return None
        return held if held.spent_at is not None or held.once.expires_at > now else None

    async def exchange(self, spent, access, refresh, now, grace):
        held = self.onces[spent]
        family = [
            each
            for each in self.onces.values()
            if each.grant.id == held.grant.id and each.once.kind == "refresh"
        ]
        if held.grant.id in self.revoked:
            return False
        if held.spent_at is None:
            unspent = [each for each in family if each.spent_at is None]
            for each in (held, *unspent):
                self.onces[each.once.sha256] = replace(each, spent_at=now)
        elif (
            held.once.kind == "code"
            or max(now, held.spent_at) - held.spent_at >= grace
            or any(each.spent_at is not None and each.spent_at > held.spent_at for each in family)
        ):
            return False
        self.tokens[access.sha256] = access
        if refresh is not None:
            self.onces[refresh.sha256] = Held(refresh, held.grant)
        return True

    async def issue(self, access, now):
        self.tokens[access.sha256] = access

    async def revoke(self, grant, now):
        self.revoked.add(grant)

    async def access(self, sha256, now):
        access = self.tokens.get(sha256)
        if access is None or access.expires_at <= now or access.grant in self.revoked:
            return None
        return access, None if access.grant is None else self.grants[access.grant]

    async def forget(self, sha256):
        self.tokens.pop(sha256, None)


def _ready():
    """A publisher that answers at once."""
    ready = asyncio.Event()
    ready.set()
    return ready


@dataclass
class Memory:
    """Every port, and the answers of the endpoints on them."""

    clients: dict[str, Client] = field(default_factory=lambda: {each.id: each for each in CLIENTS})
    people: dict[str, Person] = field(default_factory=lambda: {"clara": CLARA})
    grants: Grants = field(default_factory=Grants)
    published: dict[str, Any] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    publisher: Any = field(default_factory=_ready)
    used: set[tuple[str, str]] = field(default_factory=set)
    events: list[Any] = field(default_factory=list)
    in_care: frozenset[str] = frozenset({"p1"})
    lives: Lives = field(default_factory=Lives)
    seconds: float = 0.0
    now: datetime = NOW
    here: Any = HERE

    def __post_init__(self):
        ports = Kept(
            clients=self,
            people=self,
            care=self,
            grants=self.grants,
            replays=self,
            client_keys=ClientKeys(self, lambda: self.seconds),
            signing_keys=self,
            resources=Resources(),
            lives=self.lives,
        )
        self.endpoints = Endpoints(ports)

    async def find(self, id):
        return self.clients.get(id)

    async def person(self, id):
        return self.people.get(id)

    async def sees(self, person, patient):
        return patient in (person.patients if person.role == "patient" else self.in_care)

    async def first(self, client, jti, until, now):
        known = (client, jti) in self.used
        self.used.add((client, jti))
        return not known

    async def keys(self):
        return [SigningKey("ours", "RS256", SIGNING.as_dict(private=False), SIGNING.as_dict(private=True))]

    async def json(self, url):
        self.fetched.append(url)
        await self.publisher.wait()
        if url not in self.published:
            raise FetchFailed("there is nothing.")
        return Fetched(json.dumps(self.published[url]).encode())

    def note(self, event):
        self.events.append(event)

    def form(self, fields, authorization=None, trusted=None):
        pairs = tuple(fields.items()) if isinstance(fields, dict) else tuple(fields)
        return Form(pairs, authorization, self.here, self.now, self, trusted)

    async def token(self, fields, authorization=None):
        """The answer of the token endpoint: its status and its JSON."""
        reply = await self.endpoints.token(self.form(fields, authorization))
        return reply.status, reply.body

    async def code(self, client="public", scopes=ASKED, **approval):
        """A code for what Clara approved."""
        asked = {**REQUEST, "client_id": client, "scope": " ".join(scopes)}
        request = await validated(list(asked.items()), self, self.here)
        said = {"person": CLARA, "auth_time": self.now, "scopes": scopes, "session": "s1", "patient": "p1"}
        approved = Approval(**{**said, **approval})
        url = await approve(request, approved, self.grants, Resources(), self.here, self.now)
        return dict(parse_qsl(urlsplit(url).query))["code"]

    async def tokens(self, client="public", **approval):
        """What the app of `client` got for a code."""
        status, body = await self.token(redeem(await self.code(client, **approval), client), *proof(client))
        assert status == 200, body
        return body

    async def refresh(self, token, client="public", **fields):
        """The answer to a refresh token."""
        asked = {"grant_type": "refresh_token", "refresh_token": token, **fields}
        return await self.token(asked | ({"client_id": client} if client == "public" else {}), *proof(client))

    async def is_active(self, token):
        """Whether an access token, or a refresh token, holds."""
        reply = await self.endpoints.introspect(self.form({"token": token}, trusted="user:root"))
        return reply.body["active"]


REQUEST = {
    "response_type": "code",
    "client_id": "public",
    "redirect_uri": BACK,
    "scope": " ".join(ASKED),
    "state": "a state",
    "aud": HERE.fhir,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "nonce": "n-1",
}


def redeem(code, client="public", **fields):
    """The form that redeems a code."""
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    return {**asked, **({"client_id": client} if client == "public" else {}), **fields}


def proof(client):
    """The Authorization header of a client, where it has a secret."""
    return (basic(client),) if client == "secretive" else ()


def basic(id, secret=SECRET):
    return "Basic " + base64.b64encode(f"{id}:{secret}".encode()).decode()


def assertion(key=RSA, alg="RS384", header=None, **claims):
    """A signed assertion of the backend; a claim that is None is left out."""
    said = {
        "iss": "backend",
        "sub": "backend",
        "aud": HERE.token,
        "exp": int((NOW + timedelta(minutes=4)).timestamp()),
        "jti": tokens.token("code"),
        **claims,
    }
    first = {"alg": alg, "typ": "JWT", "kid": key.kid, **(header or {})}
    first = {name: value for name, value in first.items() if value is not None}
    payload = json.dumps({name: value for name, value in said.items() if value is not None})
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(first, payload, key, algorithms=[alg], registry=registry)


def asserted(token=None, scope="system/*.rs", **fields):
    """The form of a backend that asks for a token."""
    return {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": token or assertion(),
        **fields,
    }
