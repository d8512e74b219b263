"""`/api/devices`: the registered devices, for administrators; the same truth as the command line and the Device resources.

docs/api.md, "Plain JSON"; docs/ingest.md, "Registering"
"""

from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from fhir_server.clock import now
from fhir_server.errors import InvalidRequest
from fhir_server.interactions import device_api_keys, device_registry
from fhir_server.interactions.device_registry import Description, Enrolled
from fhir_server.interactions.device_view import device_view
from fhir_server.json import JsonObject
from fhir_server.keys import MasterKey
from fhir_server.rest.api import device_models as models
from fhir_server.rest.api.guarded import administrators, answer, described, guarded
from fhir_server.rest.call import Authenticator
from fhir_server.store.database import Database
from fhir_server.store.devices.registration import Registration
from mappers.profiles import DeviceProfiles

_SECURED: Final[dict[str, object]] = {"security": [{"bearer": []}]}


def router(
    database: Database,
    master_key: MasterKey,
    authenticator: Authenticator,
    profiles: DeviceProfiles,
    *,
    takes_keys: bool = False,
) -> APIRouter:
    """The addresses by which devices are looked after; `takes_keys` says whether this server takes API keys at all."""
    routes = APIRouter(
        prefix="/api/devices",
        tags=["device registry"],
        route_class=guarded(authenticator, administrators),
        responses=described(404, 410, 413, 415),
    )
    _add_listing(routes, database)
    _add_registering(routes, database, master_key, profiles)
    _add_changing(routes, database)
    _add_api_keys(routes, database, takes_keys=takes_keys)
    return routes


def _add_listing(routes: APIRouter, database: Database) -> None:
    @routes.get("", response_model=models.Devices, openapi_extra=_SECURED, summary="The devices, by name")
    async def listed(
        after: Annotated[str, Query(max_length=64, pattern=r"^[!-~]*$")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        found = await device_registry.listed(database, after=after, limit=limit + 1)
        moment = now()
        page: JsonObject = {
            "devices": [device_view(each, moment) for each in found[:limit]],
            "next": found[limit - 1].name if len(found) > limit else None,
        }
        return answer(page)

    @routes.get("/{key}", response_model=models.Device, openapi_extra=_SECURED, summary="One device")
    async def shown(key: str) -> Response:
        return _device(await device_registry.found(database, name=key))


def _add_registering(
    routes: APIRouter, database: Database, master_key: MasterKey, profiles: DeviceProfiles
) -> None:
    @routes.post(
        "",
        status_code=201,
        response_model=models.Secret,
        responses=described(409),
        openapi_extra=_SECURED,
        summary="Register a device; its secret is shown this once",
    )
    async def registered(asked: models.NewDevice) -> Response:
        made = await device_registry.register(
            database,
            master_key,
            name=asked.device_id,
            profile=asked.type,
            profiles=profiles,
            patient=asked.patient,
            start=asked.start,
            description=_description(asked),
        )
        return _enrolled(made, 201, {"Location": f"/api/devices/{quote(made.name, safe=':')}"})

    @routes.post(
        "/{key}/secret",
        response_model=models.Secret,
        openapi_extra=_SECURED,
        summary="Give a device a new secret, shown this once; the one before stays valid for a while",
    )
    async def rotated(key: str, asked: models.NewSecret) -> Response:
        overlap = timedelta(hours=asked.overlap_hours)
        return _enrolled(
            await device_registry.rotate(database, master_key, name=key, overlap=overlap), 200, {}
        )


def _add_changing(routes: APIRouter, database: Database) -> None:
    @routes.put("/{key}", response_model=models.Device, openapi_extra=_SECURED, summary="Describe a device")
    async def changed(key: str, asked: models.ChangedDevice) -> Response:
        return _device(
            await device_registry.describe(
                database, name=key, profile=asked.type, description=_description(asked)
            )
        )

    @routes.delete(
        "/{key}",
        status_code=204,
        openapi_extra=_SECURED,
        summary="Disable a device for good; its Device and its readings stay",
    )
    async def removed(key: str) -> Response:
        await device_registry.remove(database, name=key)
        return Response(status_code=204)

    @routes.post(
        "/{key}/assignment",
        response_model=models.Assignment,
        openapi_extra=_SECURED,
        summary="Give a device to a patient, or end its assignment",
    )
    async def assigned(key: str, asked: models.NewAssignment) -> Response:
        return await _assigned(database, key, asked)

    @routes.post("/{key}/enable", response_model=models.Device, openapi_extra=_SECURED, summary="Enable")
    async def enabled(key: str) -> Response:
        return _device(await device_registry.enable(database, name=key))

    @routes.post("/{key}/disable", response_model=models.Device, openapi_extra=_SECURED, summary="Disable")
    async def disabled(key: str) -> Response:
        return _device(await device_registry.disable(database, name=key))


def _add_api_keys(routes: APIRouter, database: Database, *, takes_keys: bool) -> None:
    @routes.post(
        "/{key}/api-key",
        response_model=models.ApiKey,
        openapi_extra=_SECURED,
        summary="Give a device that cannot sign a new API key, shown this once; the one before stays valid for a while",
    )
    async def renewed(key: str, asked: models.NewSecret) -> Response:
        overlap = timedelta(hours=asked.overlap_hours)
        made = await device_api_keys.renew(database, name=key, overlap=overlap, taken=takes_keys)
        return answer(
            {
                "device_id": made.name,
                "api_key": made.api_key,
                "device": made.device,
                "warnings": made.warnings,
            }
        )

    @routes.delete(
        "/{key}/api-key",
        status_code=204,
        openapi_extra=_SECURED,
        summary="Revoke the API keys of a device at once; it may still sign",
    )
    async def revoked(key: str) -> Response:
        await device_api_keys.revoke(database, name=key)
        return Response(status_code=204)


async def _assigned(database: Database, key: str, asked: models.NewAssignment) -> Response:
    warnings: tuple[str, ...] = ()
    if asked.patient is None:
        if asked.start is not None:
            raise InvalidRequest(
                "There is a start and no patient. Name the patient, or send `end`.", "patient"
            )
        use = await device_registry.unassign(database, name=key, end=asked.end)
    else:
        use, warnings = await device_registry.assign(
            database, name=key, patient=asked.patient, start=asked.start, end=asked.end
        )
    known = await device_registry.found(database, name=key)
    return answer({"device_id": known.name, "assignment": use, "warnings": warnings})


def _description(asked: models.Description) -> Description:
    return Description(asked.label, asked.manufacturer, asked.model, asked.serial_number)


def _device(known: Registration) -> Response:
    return answer(device_view(known, now()))


def _enrolled(made: Enrolled, status: int, headers: dict[str, str]) -> Response:
    tree = {
        "device_id": made.name,
        "secret": made.secret,
        "device": made.device,
        "type": made.profile,
        "assignment": made.assignment,
        "warnings": made.warnings,
    }
    return answer(tree, status, headers)
