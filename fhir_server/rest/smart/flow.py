"""From an app's request to its answer: what is still to be chosen or agreed to, step by step.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlencode

from fastapi import Response

from fhir_server.clock import now
from fhir_server.errors import NotFound
from fhir_server.rest.smart import app_style
from fhir_server.rest.smart.choices import Chooser
from fhir_server.rest.smart.page import see_other
from fhir_server.rest.smart.reception import Reception
from fhir_server.rest.smart.told import Choice
from smart_auth import launch
from smart_auth.addresses import Addresses
from smart_auth.audit import Event, Recorder
from smart_auth.authorize import Approval, AuthorizeRequest, approve, grantable, refused, validated
from smart_auth.deciding import Asked, Pairs, Step, is_settled
from smart_auth.launch import Launch, LaunchRefused
from smart_auth.scopes import scope
from smart_auth.sessions import Session
from smart_auth.users import User

_NEEDED: Final = {"consent": "consent_required"}


@dataclass(frozen=True, slots=True)
class Journey:
    """A user on the way to an app: in which session, at which addresses; what is decided is noted by `recorder`."""

    reception: Reception
    at: Addresses
    session: Session
    recorder: Recorder

    @property
    def chooser(self) -> Chooser:
        """The user as one who chooses."""
        return Chooser(self.reception, self.at, self.session.user)


@dataclass(frozen=True, slots=True)
class Situation:
    """What an app asks, how far its user has come, and the next `step`.

    `scopes` are those that may be granted; `patient` and `encounter` those that were chosen or that the EHR named, and
    `context` what else it said.
    """

    asked: Asked
    request: AuthorizeRequest
    step: Step
    scopes: tuple[str, ...]
    patient: Choice | None = None
    encounter: str | None = None
    context: Mapping[str, object] = field(default_factory=dict)


async def begin(journey: Journey, parameters: Pairs) -> Response:
    """The answer that takes the user to the first step, or to the app. Raises NotAnswerable, SentBack."""
    request = await validated(parameters, journey.reception.clients, journey.at)
    asked = await journey.reception.asking.add(journey.session.id, parameters)
    return await onward(journey, await _situation(journey, asked, request))


async def situation(journey: Journey, id: str) -> Situation:
    """How far the user has come with what was asked of them. Raises NotFound for what they decided on, NotAnswerable, SentBack."""
    asked = await journey.reception.asking.find(id, journey.session.id)
    if asked is None:
        raise NotFound(
            "You decided on this already, or it took too long. Go back to the app and start again."
        )
    request = await validated(asked.parameters, journey.reception.clients, journey.at)
    return await _situation(journey, asked, request)


async def onward(journey: Journey, now_at: Situation) -> Response:
    """The answer that takes the user to the next step, or to the app where nothing is left to ask. Raises SentBack."""
    if now_at.step == "done":
        return await finish(journey, now_at, now_at.scopes)
    if "none" in now_at.request.prompt:
        error = _NEEDED.get(now_at.step, "interaction_required")
        raise refused(now_at.request, journey.at, error, "The user must be asked something first.")
    return see_other(f"{now_at.step}?{urlencode({'request': now_at.asked.id})}")


async def finish(journey: Journey, settled: Situation, scopes: Collection[str]) -> Response:
    """The answer that takes the user to the app with a code, once. Raises NotFound for the second time, SentBack."""
    await _take(journey, settled)
    request = settled.request
    if request.launch is not None:
        try:
            await launch.spend(journey.reception.launches, request.launch, journey.session.id)
        except LaunchRefused as error:
            raise refused(request, journey.at, "invalid_request", str(error)) from error
    approval = Approval(
        person=journey.session.user.person,
        auth_time=journey.session.began_at,
        scopes=tuple(scopes),
        session=journey.session.id,
        patient=None if settled.patient is None else settled.patient.id,
        encounter=settled.encounter,
        context=_context(journey, settled),
    )
    location = await approve(
        request, approval, journey.reception.grants, journey.reception.resources, journey.at, now()
    )
    journey.recorder.note(_decision(journey, settled, succeeded=True))
    return see_other(location)


def _context(journey: Journey, settled: Situation) -> dict[str, object]:
    """The further members of the token response: what the EHR said, else that nothing around the app shows the patient."""
    banner = {} if settled.patient is None else {"need_patient_banner": True}
    return {"smart_style_url": app_style.url(journey.at), **banner, **settled.context}


async def deny(journey: Journey, denied: Situation) -> Response:
    """The answer that takes the user back to the app without anything. Raises NotFound for the second time."""
    await _take(journey, denied)
    journey.recorder.note(_decision(journey, denied, succeeded=False, reason="access_denied"))
    return see_other(
        refused(denied.request, journey.at, "access_denied", "The user did not allow it.").location
    )


def _decision(journey: Journey, decided: Situation, *, succeeded: bool, reason: str = "") -> Event:
    user = journey.session.user
    return Event(
        "authorize",
        succeeded,
        user.subject,
        client=decided.request.client.id,
        user=user.id,
        fhir_user=user.fhir_user,
        patient=None if decided.patient is None else decided.patient.id,
        reason=reason,
    )


async def agree(journey: Journey, now_at: Situation, scopes: Collection[str]) -> None:
    """Nothing; the user is not asked for this again."""
    user, client = journey.session.user, now_at.request.client
    await journey.reception.consents.agree(user.id, client.id, _about(user, now_at.patient), scopes)


def _about(user: User, patient: Choice | None) -> str | None:
    """Whom consent is remembered about: who treats patients agrees for any that they choose, others for each alone."""
    return patient.id if patient is not None and user.role == "patient" else None


async def _take(journey: Journey, done: Situation) -> None:
    if not await journey.reception.asking.take(done.asked.id, journey.session.id):
        raise NotFound("You decided on this already. Go back to the app.")


async def _situation(journey: Journey, asked: Asked, request: AuthorizeRequest) -> Situation:
    user = journey.session.user
    launched = await _launched(journey, request)
    patient, may_choose = await _patient(journey, asked, request, launched)
    scopes = grantable(
        request, user.person, journey.reception.resources, patient=patient is not None or may_choose
    )
    if not scopes:
        raise refused(
            request,
            journey.at,
            "invalid_scope",
            "Nothing that is asked for may be granted to this app by this user.",
        )
    reached = Situation(asked, request, "consent", scopes, patient, launched.encounter, launched.context)
    if may_choose and patient is None:
        return replace(reached, step="patient")
    if patient is not None and launched.encounter is None and "launch/encounter" in scopes:
        if not asked.encounter_chosen and await journey.chooser.encounters(patient.id):
            return replace(reached, step="encounter")
        reached = replace(reached, encounter=asked.encounter)
    agreed = await journey.reception.consents.agreed(user.id, request.client.id, _about(user, patient))
    return replace(reached, step="done") if is_settled(request, scopes, agreed) else reached


async def _launched(journey: Journey, request: AuthorizeRequest) -> Launch:
    """What the EHR said of this launch; nothing where the app was not opened by one."""
    if request.launch is None:
        return Launch(request.client.id, journey.session.user.id)
    try:
        return await launch.claim(
            journey.reception.launches,
            request.launch,
            request.client.id,
            journey.session.user.id,
            journey.session.id,
        )
    except LaunchRefused as error:
        raise refused(request, journey.at, "invalid_request", str(error)) from error


async def _patient(
    journey: Journey, asked: Asked, request: AuthorizeRequest, launched: Launch
) -> tuple[Choice | None, bool]:
    """The patient whom the app is to be about, and whether the user is to choose one where there is none.

    Raises SentBack for one whom they may not see, or not any more.
    """
    id = launched.patient or asked.patient
    if id is not None:
        found = await journey.chooser.patient(id)
        if found is None:
            raise refused(request, journey.at, "access_denied", "The user may not see this patient.")
        return found, False
    if not _needs_patient(journey, request):
        return None, False
    if journey.session.user.role == "patient":
        own = await journey.chooser.wards()
        return (own[0], False) if len(own) == 1 else (None, len(own) > 1)
    return None, journey.chooser.reach is not None


def _needs_patient(journey: Journey, request: AuthorizeRequest) -> bool:
    """Whether anything that may be granted rests on a patient."""
    if not request.wants_patient:
        return False
    possible = grantable(request, journey.session.user.person, journey.reception.resources)
    return any(
        text == "launch/patient" or ((found := scope(text)) is not None and found.level == "patient")
        for text in possible
    )
