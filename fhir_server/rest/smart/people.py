"""The pages for people, put together.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from datetime import timedelta

from fastapi import APIRouter, Response

from fhir_server.audit.port import Audit
from fhir_server.rest.smart import apps, authorize, consent, login, password, patient_picker
from fhir_server.rest.smart.app_style import PATH, app_style
from fhir_server.rest.smart.page import style
from fhir_server.rest.smart.page_route import routes
from fhir_server.rest.smart.reception import Reception


def router(reception: Reception, audit: Audit) -> APIRouter:
    """The addresses below `/oauth` that people come to."""
    pages = routes(audit, reception.rates)
    login.add(pages, reception)
    password.add(pages, reception)
    authorize.add(pages, reception)
    patient_picker.add(pages, reception)
    consent.add(pages, reception, timedelta(days=reception.settings.refresh_token_days))
    apps.add(pages, reception)

    @pages.get("/style.css", include_in_schema=False)
    async def styled() -> Response:
        return style()

    @pages.get(PATH.removeprefix(pages.prefix), include_in_schema=False)
    async def styled_apps() -> Response:
        return app_style()

    return pages
