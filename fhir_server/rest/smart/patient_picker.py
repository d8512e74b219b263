"""`/oauth/patient` and `/oauth/encounter`: whom, and which visit, an app is to be about.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#requesting-context-with-scopes
"""

from typing import Final

from fastapi import APIRouter, Request, Response

from fhir_server.errors import InvalidSearch, NotFound
from fhir_server.rest.smart import browser, flow
from fhir_server.rest.smart.browser import Form
from fhir_server.rest.smart.choices import Choices, escaped
from fhir_server.rest.smart.described import page_form, page_query
from fhir_server.rest.smart.flow import Journey, Situation
from fhir_server.rest.smart.page import page
from fhir_server.rest.smart.page_route import notes
from fhir_server.rest.smart.reception import Reception, Visit, visit
from smart_auth.audit import Event

_FIELDS: Final = ("name", "birthdate", "identifier")


def add(routes: APIRouter, reception: Reception) -> None:
    """Adds both pages to `routes`."""

    async def arrived(request: Request, form: Form) -> tuple[Visit, Journey, Situation]:
        here = await visit(reception, request)
        journey = Journey(reception, here.at, here.needs_session(), notes(request))
        return here, journey, await flow.situation(journey, form.value("request"))

    @routes.get("/patient", summary="Where people choose a patient", openapi_extra=page_query("request"))
    async def patients(request: Request) -> Response:
        here, journey, now_at = await arrived(request, browser.query(request))
        if not _is_asked(now_at):
            return await flow.onward(journey, now_at)
        return await _patients(here, journey, now_at, Form(()))

    @routes.post(
        "/patient",
        summary="Choose a patient, or search for one",
        openapi_extra=page_form("request", "patient", "page", *_FIELDS),
    )
    async def patient(request: Request) -> Response:
        """The search is sent like the choice: names of patients stand in no address, which is kept in logs."""
        form = await browser.form(request)
        here, journey, now_at = await arrived(request, form)
        here.check_form(form)
        if not _is_asked(now_at):
            return await flow.onward(journey, now_at)
        if not form.value("patient"):
            return await _patients(here, journey, now_at, form)
        await _choose_patient(journey, now_at, form.value("patient"))
        return await flow.onward(journey, await flow.situation(journey, now_at.asked.id))

    @routes.get("/encounter", summary="Where people choose a visit", openapi_extra=page_query("request"))
    async def encounters(request: Request) -> Response:
        here, journey, now_at = await arrived(request, browser.query(request))
        if now_at.step != "encounter":
            return await flow.onward(journey, now_at)
        return await _encounters(here, journey, now_at)

    @routes.post(
        "/encounter", summary="Choose a visit, or none", openapi_extra=page_form("request", "encounter")
    )
    async def encounter(request: Request) -> Response:
        form = await browser.form(request)
        here, journey, now_at = await arrived(request, form)
        here.check_form(form)
        if now_at.step == "encounter":
            await _choose_encounter(journey, now_at, form.value("encounter"))
        return await flow.onward(journey, await flow.situation(journey, now_at.asked.id))


def _is_asked(now_at: Situation) -> bool:
    """Whether the patient is the user's to choose, as long as they have not decided on the rest."""
    return now_at.step == "patient" or (now_at.asked.patient is not None and now_at.step != "done")


async def _choose_patient(journey: Journey, now_at: Situation, id: str) -> None:
    found = await journey.chooser.patient(id)
    allowed = journey.session.user.role != "patient" or id in journey.session.user.person.patients
    if found is None or not allowed:
        raise NotFound("You may not choose this patient, or there is none. Go back and choose another.")
    await journey.reception.asking.choose_patient(now_at.asked.id, journey.session.id, found.id)


async def _choose_encounter(journey: Journey, now_at: Situation, id: str) -> None:
    """Keeps the encounter with that id, or for an empty one that it is none."""
    assert now_at.patient is not None
    if id and await journey.chooser.encounter(now_at.patient.id, id) is None:
        raise NotFound("You may not choose this visit, or there is none. Go back and choose another.")
    await journey.reception.asking.choose_encounter(now_at.asked.id, journey.session.id, id or None)


async def _patients(here: Visit, journey: Journey, now_at: Situation, form: Form) -> Response:
    sought = {name: form.value(name).strip() for name in _FIELDS}
    mistakes = list[tuple[str, str]]()
    found = Choices(())
    try:
        found = await _found(journey, sought, form.value("page"))
    except InvalidSearch as error:
        field = error.issues[0].expression
        mistakes.append((field if field in _FIELDS else _FIELDS[0], str(error)))
    journey.recorder.note(_shown(journey, now_at))
    return page(
        "patient",
        422 if mistakes else 200,
        leads_to=now_at.request.redirect_uri,
        token=here.form_token,
        user=journey.session.user,
        app=now_at.request.client.name,
        request=now_at.asked.id,
        searchable=journey.session.user.role != "patient",
        sought=sought,
        found=found.found,
        next=found.next,
        mistakes=mistakes,
    )


async def _found(journey: Journey, sought: dict[str, str], following: str) -> Choices:
    chooser = journey.chooser
    if journey.session.user.role == "patient":
        return Choices(await chooser.wards())
    if following:
        return await chooser.following(following)
    values = {**sought, "name": escaped(sought["name"])}
    return await chooser.patients([(name, value) for name, value in values.items() if value])


async def _encounters(here: Visit, journey: Journey, now_at: Situation) -> Response:
    assert now_at.patient is not None
    journey.recorder.note(_shown(journey, now_at))
    return page(
        "encounter",
        leads_to=now_at.request.redirect_uri,
        token=here.form_token,
        user=journey.session.user,
        app=now_at.request.client.name,
        request=now_at.asked.id,
        patient=now_at.patient,
        found=await journey.chooser.encounters(now_at.patient.id),
    )


def _shown(journey: Journey, now_at: Situation) -> Event:
    user, patient = journey.session.user, now_at.patient
    return Event(
        "choose",
        succeeded=True,
        subject=user.subject,
        client=now_at.request.client.id,
        user=user.id,
        fhir_user=user.fhir_user,
        patient=None if patient is None else patient.id,
    )
