"""`/api/patients`: a patient's devices, latest values and windows of values, as far as the caller's scopes show them.

docs/api.md, "Plain JSON"
"""

import re
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from fhir_server.clock import instant, now
from fhir_server.errors import InvalidRequest, NotFound
from fhir_server.interactions.condition import UNCONDITIONAL
from fhir_server.interactions.device_view import connection as connection_state
from fhir_server.interactions.read import read
from fhir_server.json import JsonObject, stored
from fhir_server.operations.arguments import Arguments
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.lastn import latest_of_each
from fhir_server.operations.measured import Wanted
from fhir_server.operations.selection import OBSERVATION, selection
from fhir_server.operations.windows import Cell, cells
from fhir_server.rest.api import patient_models as models
from fhir_server.rest.api.device_models import Moment
from fhir_server.rest.api.guarded import answer, described, everyone, guarded, principal
from fhir_server.rest.api.live_value import live_values
from fhir_server.rest.call import House
from fhir_server.rest.request import request as taken_apart
from fhir_server.search.access import predicate
from fhir_server.store.devices.of_patient import Used, used
from terminology.systems import LOCAL_CATEGORY

WINDOWS: Final = MappingProxyType(
    {"1m": timedelta(minutes=1), "5m": timedelta(minutes=5), "1h": timedelta(hours=1)}
)
MOST_WINDOWS: Final = 10_000
MOST_USES: Final = 1_000

_NO_SETTINGS: Final = ("category:not", f"{LOCAL_CATEGORY}|setting")
"""What somebody chose is no measurement: its mean was never set."""
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
# Any: a part of an OpenAPI document, an open tree of JSON
_DOCUMENTED: Final[dict[str, Any]] = {"security": [{"bearer": []}]}


def router(house: House) -> APIRouter:
    """The addresses at which apps read of one patient."""
    routes = APIRouter(
        prefix="/api/patients/{id}",
        tags=["patient views"],
        route_class=guarded(house.authenticator, everyone),
        responses=described(404, 410),
        default_response_class=Response,
    )
    _add_devices(routes, house)
    _add_values(routes, house)
    return routes


def _add_devices(routes: APIRouter, house: House) -> None:
    @routes.get(
        "/devices",
        response_model=models.PatientDevices,
        openapi_extra=_DOCUMENTED,
        summary="The registered devices that are or were on the patient",
    )
    async def devices(id: str, request: Request) -> Response:
        await _check_patient(house, request, id)
        who, moment = principal(request), now()
        async with house.database.connection() as connection:
            found = await used(
                connection,
                id,
                predicate(who, "Device", "search"),
                predicate(who, "DeviceUseStatement", "search"),
                MOST_USES,
            )
        return answer({"patient": f"Patient/{id}", "devices": [_used(each, moment) for each in found]})


def _add_values(routes: APIRouter, house: House) -> None:
    @routes.get(
        "/live-data",
        response_model=models.LiveData,
        openapi_extra=_DOCUMENTED,
        summary="The latest value of each metric",
    )
    async def live_data(id: str, request: Request) -> Response:
        await _check_patient(house, request, id)
        house.background.refuse_blindness()
        call = _invocation(house, request)
        async with house.database.connection() as connection:
            rows = await latest_of_each(connection, await selection(connection, call, _about(id)), 1)
        values = [value for row in rows for value in live_values(stored(row.body))]
        return answer({"patient": f"Patient/{id}", "metrics": values})

    @routes.get(
        "/combined-data",
        response_model=models.CombinedData,
        openapi_extra=_DOCUMENTED,
        summary="The values of all devices, side by side in windows of time",
    )
    async def combined_data(
        id: str,
        request: Request,
        start: Annotated[Moment, Query()],
        end: Annotated[Moment, Query()],
        window: Annotated[Literal["1m", "5m", "1h"], Query()] = "5m",
    ) -> Response:
        length = _length(start, end, window)
        await _check_patient(house, request, id)
        house.background.refuse_blindness()
        call = _invocation(house, request)
        async with house.database.connection() as connection:
            selected = await selection(connection, call, (*_about(id), _NO_SETTINGS))
            wanted = Wanted(selected, (), start.astimezone(UTC), end.astimezone(UTC))
            found = await cells(connection, wanted, length)
        head = {"patient": f"Patient/{id}", "start": instant(start), "end": instant(end), "window": window}
        return answer({**head, "windows": _windows(found)})


def _about(id: str) -> tuple[tuple[str, str], ...]:
    return ("patient", id), ("status:not", "entered-in-error")


async def _check_patient(house: House, request: Request, id: str) -> None:
    """Nothing, when there is such a Patient whom the caller may read; raises NotFound, Gone, Forbidden."""
    access = predicate(principal(request), "Patient", "read")
    if not _ID.fullmatch(id):
        raise NotFound(f"{id[:80]!r} is not the id of a Patient.")
    await read(house.database, "Patient", id, access)


def _length(start: datetime, end: datetime, window: str) -> timedelta:
    if start >= end:
        raise InvalidRequest("start is not before end. Exchange or correct them.", "start")
    length = WINDOWS[window]
    if (end - start) / length > MOST_WINDOWS:
        raise InvalidRequest(
            f"There are more than {MOST_WINDOWS} windows. Ask for a longer one, or less time.", "window"
        )
    return length


def _invocation(house: House, request: Request) -> Invocation:
    who = principal(request)
    return Invocation(
        level="type",
        type=OBSERVATION,
        id="",
        version="",
        arguments=Arguments({}),
        access=predicate(who, OBSERVATION, "search"),
        principal=who,
        condition=UNCONDITIONAL,
        now=now(),
        base_url=taken_apart(request.scope, house.settings.base_url).base,
        here=request.url.path,
        database=house.database,
        settings=house.settings,
        cursor_key=house.cursor_key,
        terminology=house.terminology,
        signing_secret=house.signing_secret,
    )


def _used(one: Used, moment: datetime) -> JsonObject:
    return {
        "device_id": one.name,
        "device": f"Device/{one.id}",
        "type": one.profile,
        "connection": connection_state(one.last_seen_at, moment),
        "last_seen": None if one.last_seen_at is None else instant(one.last_seen_at),
        "assignment": f"DeviceUseStatement/{one.use_id}",
        "start": None if one.start is None else instant(one.start),
        "end": None if one.end is None else instant(one.end),
        "current": one.current,
    }


def _windows(found: list[Cell]) -> list[JsonObject]:
    windows: dict[datetime, list[JsonObject]] = {}
    ends = {each.start: each.end for each in found}
    for each in found:
        windows.setdefault(each.start, []).append(_cell(each))
    return [
        {"start": instant(start), "end": instant(ends[start]), "values": list(values)}
        for start, values in windows.items()
    ]


def _cell(cell: Cell) -> JsonObject:
    return {
        "system": cell.system,
        "code": cell.code,
        "name": cell.name,
        "ucum": cell.unit,
        "count": cell.count,
        "mean": cell.mean,
        "min": cell.least,
        "max": cell.most,
        "last": cell.last,
        "last_at": instant(cell.last_at),
        "devices": list(cell.devices),
    }
