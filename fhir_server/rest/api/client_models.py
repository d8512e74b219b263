"""What is sent to and comes from `/api/clients` and `/api/keys`.

https://docs.pydantic.dev/latest/concepts/models/
"""

from typing import Any, Literal

from pydantic import BaseModel, Field

from fhir_server.rest.api.device_models import Line, Model
from smart_auth.clients import Authentication
from smart_auth.registration import MOST_URI


class ChangedClient(Model):
    """What holds of a client from now on: what is left out is taken away."""

    name: Line = Field(description="What people are shown when the app asks them.")
    authentication: Authentication = Field(
        description="How it proves itself: `none` for an app that cannot keep a secret."
    )
    backend: bool = Field(False, description="Whether it asks for itself, with `system/` scopes.")
    scopes: list[str] = Field(max_length=200, description="The most it may be granted.")
    redirect_uris: list[str] = Field(
        default=[], max_length=50, description="Where it is answered at, to the letter."
    )
    launch_url: str | None = Field(None, max_length=MOST_URI, description="Where an EHR opens it.")
    # Any: a JWK Set is an open tree
    jwks: dict[str, Any] | None = Field(None, description="Its public keys, for private_key_jwt.")
    jwks_uri: str | None = Field(None, max_length=MOST_URI, description="Where it publishes them instead.")
    native: bool = Field(False, description="Whether its loopback redirect may name any port.")
    administration: bool = Field(False, description="Whether it may do for administrators what they may.")
    introspects: bool = Field(False, description="Whether it may ask about the tokens of others.")


class NewClient(ChangedClient):
    """A client to be."""

    id: Line | None = Field(None, description="Its client_id; made where none is given.")


class Client(BaseModel):
    """An app or a service that may ask for tokens."""

    id: str
    name: str
    authentication: Authentication
    backend: bool
    scopes: list[str]
    redirect_uris: list[str]
    launch_url: str | None
    jwks: dict[str, Any] | None  # Any: as above
    jwks_uri: str | None
    native: bool
    administration: bool
    introspects: bool
    status: Literal["active", "disabled"]


class Clients(BaseModel):
    """A page of the clients, by id."""

    clients: list[Client]
    next: str | None = Field(description="What to send as `after` for the next page; null on the last.")


class ClientWithSecret(Client):
    """A client, and its secret, which is shown this once; null for one that has none."""

    client_secret: str | None


class Key(BaseModel):
    """A key that this server signs with, or signed with of late."""

    kid: str
    algorithm: str
    signs: bool


class Keys(BaseModel):
    """The keys, those that sign first."""

    keys: list[Key]


class NewKey(Model):
    """Which key is to be replaced."""

    algorithm: Literal["RS256", "ES384"]
