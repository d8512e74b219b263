"""`/api/clients` and `/api/keys`: apps that may ask for tokens, and the keys these are signed with, for administrators.

docs/api.md, "Plain JSON"; docs/smart.md; the same as `fhir-server client` and `fhir-server key`
"""

from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from fhir_server.audit.port import Audit
from fhir_server.interactions.client_registry import ClientRegistry, client_view
from fhir_server.interactions.key_registry import key_view
from fhir_server.json import JsonObject
from fhir_server.rest.api import client_models as models
from fhir_server.rest.api.device_models import NewSecret
from fhir_server.rest.api.guarded import administrators, answer, described, guarded, principal
from fhir_server.rest.audited import Notes, origin
from fhir_server.rest.call import Authenticator
from fhir_server.store.smart.signing_keys import SigningKeys
from smart_auth.audit import Action, Event
from smart_auth.clients import Client

_SECURED: Final[dict[str, object]] = {"security": [{"bearer": []}]}


def router(
    registry: ClientRegistry, keys: SigningKeys, authenticator: Authenticator, audit: Audit
) -> APIRouter:
    """The addresses by which clients and signing keys are looked after."""
    routes = APIRouter(
        prefix="/api",
        tags=["clients"],
        route_class=guarded(authenticator, administrators, noting=True),
        responses=described(404, 413, 415),
    )
    _add_listing(routes, registry)
    _add_registering(routes, registry, audit)
    _add_switching(routes, registry, audit)
    _add_keys(routes, keys, audit)
    return routes


def _add_listing(routes: APIRouter, registry: ClientRegistry) -> None:
    @routes.get(
        "/clients", response_model=models.Clients, openapi_extra=_SECURED, summary="The clients, by id"
    )
    async def listed(
        after: Annotated[str, Query(max_length=64, pattern=r"^[!-~]*$")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        found = await registry.listed(after=after, limit=limit + 1)
        page: JsonObject = {
            "clients": [client_view(each) for each in found[:limit]],
            "next": found[limit - 1].id if len(found) > limit else None,
        }
        return answer(page)

    @routes.get("/clients/{id}", response_model=models.Client, openapi_extra=_SECURED, summary="One client")
    async def shown(id: str) -> Response:
        return answer(client_view(await registry.found(id)))


def _add_registering(routes: APIRouter, registry: ClientRegistry, audit: Audit) -> None:
    @routes.post(
        "/clients",
        status_code=201,
        response_model=models.ClientWithSecret,
        responses=described(409),
        openapi_extra=_SECURED,
        summary="Register a client; its secret is shown this once",
    )
    async def added(asked: models.NewClient, request: Request) -> Response:
        client, secret = await registry.add(_client(asked.id or "", asked))
        await _note(audit, request, "client-create", f"client:{client.id}")
        return _with_secret(client, secret, 201)

    @routes.put(
        "/clients/{id}",
        response_model=models.Client,
        openapi_extra=_SECURED,
        summary="Say anew what holds of a client",
    )
    async def changed(id: str, asked: models.ChangedClient, request: Request) -> Response:
        client = await registry.describe(_client(id, asked))
        return await _changed(audit, request, client)

    @routes.post(
        "/clients/{id}/secret",
        response_model=models.ClientWithSecret,
        openapi_extra=_SECURED,
        summary="Give a client a new secret, shown this once; the ones before stay valid for a while",
    )
    async def renewed(id: str, asked: NewSecret, request: Request) -> Response:
        client, secret = await registry.renew_secret(id, timedelta(hours=asked.overlap_hours))
        await _note(audit, request, "client-rotate", f"client:{client.id}")
        return _with_secret(client, secret, 200)


def _add_switching(routes: APIRouter, registry: ClientRegistry, audit: Audit) -> None:
    @routes.post(
        "/clients/{id}/disable",
        response_model=models.Client,
        openapi_extra=_SECURED,
        summary="Let no token of a client hold from the next request on, and give it none",
    )
    async def disabled(id: str, request: Request) -> Response:
        return await _changed(audit, request, await registry.disable(id))

    @routes.post(
        "/clients/{id}/revoke-grants",
        response_model=models.Client,
        openapi_extra=_SECURED,
        summary="Take back all that was granted to a client; people are asked anew",
    )
    async def grants_revoked(id: str, request: Request) -> Response:
        return await _changed(audit, request, await registry.revoke_grants(id))

    @routes.post(
        "/clients/{id}/enable", response_model=models.Client, openapi_extra=_SECURED, summary="Enable"
    )
    async def enabled(id: str, request: Request) -> Response:
        return await _changed(audit, request, await registry.enable(id))


def _add_keys(routes: APIRouter, keys: SigningKeys, audit: Audit) -> None:
    @routes.get(
        "/keys",
        response_model=models.Keys,
        openapi_extra=_SECURED,
        summary="The keys that tokens are signed with",
    )
    async def listed() -> Response:
        return answer({"keys": [key_view(each) for each in await keys.keys()]})

    @routes.post(
        "/keys",
        status_code=201,
        response_model=models.Keys,
        openapi_extra=_SECURED,
        summary="Sign with a new key from now on; what the one before signed holds as long as it would have",
    )
    async def rotated(asked: models.NewKey, request: Request) -> Response:
        kid = await keys.rotate(asked.algorithm)
        await _note(audit, request, "key-rotate", f"key:{kid}")
        return answer({"keys": [key_view(each) for each in await keys.keys()]}, 201)


async def _changed(audit: Audit, request: Request, client: Client) -> Response:
    await _note(audit, request, "client-update", f"client:{client.id}")
    return answer(client_view(client))


async def _note(audit: Audit, request: Request, action: Action, about: str) -> None:
    """Nothing, once it is kept who did it. Raises Unavailable."""
    by = principal(request)
    notes = Notes(audit, origin(request.scope))
    notes.note(Event(action, True, by.subject, by.client, by.user, by.fhir_user, about=about))
    await notes.keep()


def _client(id: str, asked: models.ChangedClient) -> Client:
    return Client(
        id,
        asked.name,
        asked.authentication,
        tuple(asked.scopes),
        backend=asked.backend,
        redirect_uris=tuple(asked.redirect_uris),
        launch_url=asked.launch_url,
        jwks=asked.jwks,
        jwks_uri=asked.jwks_uri,
        native=asked.native,
        administration=asked.administration,
        introspects=asked.introspects,
    )


def _with_secret(client: Client, secret: str | None, status: int) -> Response:
    headers = {"Location": f"/api/clients/{quote(client.id)}"} if status == 201 else {}
    return answer({**client_view(client), "client_secret": secret}, status, headers)
