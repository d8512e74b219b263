"""`/api/launches`: an EHR says for whom and about whom it is going to open an app, and gets the handle to open it with.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch

Whoever announces a launch decides which patient an app is about. Administrators may for every user; an app that its user
granted `__announce_launch`, which is the EHR, for this user alone.
"""

import re
from typing import Annotated, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, JsonValue, StringConstraints

from fhir_server.audit.port import Audit
from fhir_server.errors import Forbidden, InvalidRequest
from fhir_server.rest.api.device_models import Line, Model
from fhir_server.rest.api.guarded import administrators, answer, described, guarded, principal
from fhir_server.rest.audited import Notes, origin
from fhir_server.rest.call import Authenticator
from fhir_server.rest.smart import browser
from fhir_server.rest.smart.choices import Chooser
from fhir_server.rest.smart.reception import Reception
from smart_auth import launch
from smart_auth.addresses import Addresses
from smart_auth.audit import Event
from smart_auth.clients import Client
from smart_auth.launch import Launch
from smart_auth.principal import Principal
from smart_auth.users import User

_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_KINDS: Final = frozenset({"reference", "canonical", "identifier"})

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]


class NewLaunch(Model):
    """A launch to be: of which app, for which user, about whom and what."""

    client_id: Line
    user: Line = Field(description="The name of the user who is going to use the app.")
    patient: Id | None = Field(None, description="The id of the Patient that is open.")
    encounter: Id | None = Field(None, description="The id of the Encounter that is open.")
    intent: Line | None = Field(None, description="What the app is opened for.")
    need_patient_banner: bool = Field(True, description="Whether the app is to show whom it is about.")
    fhir_context: list[dict[str, JsonValue]] = Field(
        default=[],
        alias="fhirContext",
        max_length=50,
        description="Further resources that are open: each with a reference, canonical or identifier.",
    )


class Opened(BaseModel):
    """How the app is opened: by `url`, within five minutes, once."""

    launch: str
    url: str | None = Field(description="Null for an app that is registered without an address to open it.")


def router(reception: Reception, authenticator: Authenticator, audit: Audit) -> APIRouter:
    """The address by which launches are announced."""
    routes = APIRouter(
        prefix="/api/launches",
        tags=["launches"],
        route_class=guarded(authenticator, announcers, noting=True),
        responses=described(413, 415),
    )

    @routes.post(
        "",
        status_code=201,
        response_model=Opened,
        openapi_extra={"security": [{"bearer": []}]},
        summary="Announce that an app is going to be opened for a user",
    )
    async def announced(asked: NewLaunch, request: Request) -> Response:
        at = browser.here(request, reception.settings.base_url)
        client, user = await _client(reception, asked.client_id), await _user(reception, asked.user)
        _check_own(principal(request), user)
        await _check_open(Chooser(reception, at, user), asked)
        said = Launch(client.id, user.id, asked.patient, asked.encounter, _context(asked))
        handle = await launch.announce(reception.launches, said)
        notes = Notes(audit, origin(request.scope))
        notes.note(_event(principal(request).subject, said))
        await notes.keep()
        return answer({"launch": handle, "url": _url(client, at, handle)}, 201)

    return routes


def announcers(principal: Principal) -> None:
    """Nothing; raises Forbidden for a caller who may announce launches for nobody, which is everyone by default."""
    if launch.ANNOUNCE not in principal.scopes or principal.user is None:
        administrators(principal)


def _check_own(caller: Principal, user: User) -> None:
    if not caller.administrator and caller.user != user.id:
        raise Forbidden("You may open apps for your own user alone. Name that user, or ask an administrator.")


async def _client(reception: Reception, id: str) -> Client:
    client = await reception.clients.find(id)
    if client is None or client.disabled or client.backend:
        raise InvalidRequest(f"{id[:80]!r} is no app that people use here. Register it.", "client_id")
    return client


async def _user(reception: Reception, name: str) -> User:
    account = await reception.accounts.find(name.lower())
    if account is None or account.user.disabled_at is not None:
        raise InvalidRequest(f"{name[:80]!r} is no user who may log in. Add or enable them.", "user")
    return account.user


async def _check_open(chooser: Chooser, asked: NewLaunch) -> None:
    """Nothing; raises InvalidRequest for a patient whom the user may not see, or an encounter that is not the patient's."""
    if asked.patient is not None and await chooser.patient(asked.patient) is None:
        raise InvalidRequest("The user may not see this patient, or there is none.", "patient")
    if asked.encounter is None:
        return
    if asked.patient is None:
        raise InvalidRequest("There is an encounter and no patient. Name the patient too.", "patient")
    if await chooser.encounter(asked.patient, asked.encounter) is None:
        raise InvalidRequest("The encounter is not this patient's, or there is none.", "encounter")


def _context(asked: NewLaunch) -> dict[str, object]:
    """The members of the token response that tell of the launch, beside patient and encounter."""
    for number, entry in enumerate(asked.fhir_context):
        _check_context(entry, f"fhirContext[{number}]")
    said: dict[str, object] = {"need_patient_banner": asked.need_patient_banner}
    if asked.intent is not None:
        said["intent"] = asked.intent
    if asked.fhir_context:
        said["fhirContext"] = asked.fhir_context
    return said


def _check_context(entry: dict[str, JsonValue], where: str) -> None:
    """https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#fhir-context."""
    if not _KINDS & entry.keys():
        raise InvalidRequest(f"{where} has no reference, canonical or identifier. Add one.", where)
    if not isinstance(entry.get("canonical", ""), str) or not isinstance(entry.get("identifier", {}), dict):
        raise InvalidRequest(
            f"{where} has a canonical that is no text, or an identifier that is no object.", where
        )
    role, reference = entry.get("role"), entry.get("reference")
    if "role" in entry and (not isinstance(role, str) or not role):
        raise InvalidRequest(f"{where}.role is no text, or empty. Leave it out for `launch`.", where)
    if "reference" not in entry:
        return
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        raise InvalidRequest(f"{where}.reference is not relative, such as ImagingStudy/1.", where)
    if reference.partition("/")[0] in {"Patient", "Encounter"} and role in (None, "launch"):
        raise InvalidRequest(f"{where} names a Patient or Encounter. Send it as such, or with a role.", where)


def _url(client: Client, at: Addresses, handle: str) -> str | None:
    if client.launch_url is None:
        return None
    joint = "&" if "?" in client.launch_url else "?"
    return f"{client.launch_url}{joint}{urlencode({'iss': at.fhir, 'launch': handle}, quote_via=quote)}"


def _event(subject: str, said: Launch) -> Event:
    return Event("launch", True, subject, client=said.client, user=said.user, patient=said.patient)
