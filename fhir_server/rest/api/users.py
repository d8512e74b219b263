"""`/api/users`: people with an account, for administrators; the same as `fhir-server user`.

docs/api.md, "Plain JSON"

Nobody is deleted: what they did stays theirs in the audit. They are disabled.
"""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from fhir_server.audit.port import Audit
from fhir_server.interactions import user_registry
from fhir_server.interactions.user_registry import user_view
from fhir_server.json import JsonObject
from fhir_server.rest.api import user_models as models
from fhir_server.rest.api.guarded import administrators, answer, described, guarded, principal
from fhir_server.rest.audited import Notes, origin
from fhir_server.rest.call import Authenticator
from fhir_server.store.database import Database
from smart_auth.audit import Action, Event
from smart_auth.users import NewUser, User

_SECURED: Final[dict[str, object]] = {"security": [{"bearer": []}]}


def router(database: Database, authenticator: Authenticator, audit: Audit) -> APIRouter:
    """The addresses by which people are looked after."""
    routes = APIRouter(
        prefix="/api/users",
        tags=["users"],
        route_class=guarded(authenticator, administrators, noting=True),
        responses=described(404, 413, 415),
    )
    _add_listing(routes, database)
    _add_changing(routes, database, audit)
    return routes


def _add_listing(routes: APIRouter, database: Database) -> None:
    @routes.get("", response_model=models.Users, openapi_extra=_SECURED, summary="The users, by name")
    async def listed(
        after: Annotated[str, Query(max_length=64, pattern=r"^[!-~]*$")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        found = await user_registry.listed(database, after=after, limit=limit + 1)
        page: JsonObject = {
            "users": [user_view(each) for each in found[:limit]],
            "next": found[limit - 1].name if len(found) > limit else None,
        }
        return answer(page)

    @routes.get("/{name}", response_model=models.User, openapi_extra=_SECURED, summary="One user")
    async def shown(name: str) -> Response:
        return answer(user_view(await user_registry.found(database, name)))


def _add_changing(routes: APIRouter, database: Database, audit: Audit) -> None:
    @routes.post(
        "",
        status_code=201,
        response_model=models.UserWithPassword,
        responses=described(409),
        openapi_extra=_SECURED,
        summary="Add a user; a one-time password is shown this once",
    )
    async def added(asked: models.NewUser, request: Request) -> Response:
        password = None if asked.password is None else asked.password.get_secret_value()
        user, made = await user_registry.add(database, _new(asked.name, asked), password)
        await _note(audit, request, "user-create", user)
        return _with_password(user, made, 201)

    @routes.put(
        "/{name}", response_model=models.User, openapi_extra=_SECURED, summary="Say anew what holds of a user"
    )
    async def changed(name: str, asked: models.ChangedUser, request: Request) -> Response:
        user = await user_registry.describe(database, _new(name, asked))
        return await _changed(audit, request, user)

    @routes.post(
        "/{name}/password",
        response_model=models.UserWithPassword,
        openapi_extra=_SECURED,
        summary="Give a user another one-time password, shown this once; they are logged out",
    )
    async def reset(name: str, request: Request) -> Response:
        user, made = await user_registry.reset(database, name)
        await _note(audit, request, "user-update", user)
        return _with_password(user, made, 200)

    @routes.post(
        "/{name}/revoke-apps",
        response_model=models.User,
        openapi_extra=_SECURED,
        summary="Take back what apps may do for a user; they are asked anew",
    )
    async def apps_revoked(name: str, request: Request) -> Response:
        return await _changed(audit, request, await user_registry.revoke_apps(database, name))

    @routes.post("/{name}/enable", response_model=models.User, openapi_extra=_SECURED, summary="Enable")
    async def enabled(name: str, request: Request) -> Response:
        return await _changed(audit, request, await user_registry.enable(database, name))

    @routes.post(
        "/{name}/disable",
        response_model=models.User,
        openapi_extra=_SECURED,
        summary="Log a user out and let nobody log in as them; no app may act for them",
    )
    async def disabled(name: str, request: Request) -> Response:
        return await _changed(audit, request, await user_registry.disable(database, name))


async def _changed(audit: Audit, request: Request, user: User) -> Response:
    await _note(audit, request, "user-update", user)
    return answer(user_view(user))


async def _note(audit: Audit, request: Request, action: Action, user: User) -> None:
    """Nothing, once it is kept who did it. Raises Unavailable."""
    by = principal(request)
    notes = Notes(audit, origin(request.scope))
    notes.note(Event(action, True, by.subject, by.client, by.user, by.fhir_user, about=user.subject))
    await notes.keep()


def _new(name: str, asked: models.ChangedUser) -> NewUser:
    return NewUser(
        name, asked.role, asked.auditor, asked.fhir_user, tuple(asked.proxies), tuple(asked.organizations)
    )


def _with_password(user: User, password: str | None, status: int) -> Response:
    headers = {"Location": f"/api/users/{quote(user.name)}"} if status == 201 else {}
    return answer({**user_view(user), "one_time_password": password}, status, headers)
