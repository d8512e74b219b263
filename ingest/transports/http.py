"""Readings over HTTP, in each form that is taken at an address of its own.

https://www.rfc-editor.org/rfc/rfc9110; docs/ingest.md
"""

import re
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response

from ingest.device_auth import Form, SignedRequest
from ingest.errors import (
    IngestError,
    InvalidParameter,
    Misaddressed,
    NoSpace,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnknownDevice,
    UnsupportedType,
)
from ingest.gateway import DEVICE_READINGS, OMH, PHD, READINGS, VITALS, WEARABLES, Body, Endpoint, Gateway
from ingest.issue import Issue, outcome
from ingest.transports.confidential import confidential
from ingest.transports.http_openapi import (
    DEVICE_READINGS_DESCRIPTION,
    READINGS_DESCRIPTION,
    VITALS_DESCRIPTION,
)
from ingest.transports.http_openapi_phd import PHD_DESCRIPTION
from ingest.transports.http_openapi_wearables import OMH_DESCRIPTION, WEARABLES_DESCRIPTION

MAX_VITALS_BYTES: Final = 64_000
_FHIR_JSON: Final = "application/fhir+json"
_SIGNED: Final = 'HMAC-SHA256 realm="devices"'
_KEYED: Final = 'ApiKey realm="devices"'
_OTHER_METHODS: Final = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT", "TRACE"]
_BODIES: Final[dict[str, Body]] = {
    "": "json",
    "application/json": "json",
    "text/json": "json",
    "application/fhir+json": "fhir",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
}
_TYPES: Final[dict[Body, str]] = {
    "json": "application/json",
    "fhir": _FHIR_JSON,
    "ndjson": "application/x-ndjson",
}
_OF_DEVICE: Final = re.compile(r"/api/devices/([^/]+)/readings")
_NOT_SIGNED: Final = outcome(
    [
        Issue(
            "login",
            "The request is not signed by a registered device within its time. Check X-Device-Id, X-Timestamp, "
            "X-Signature and the device's clock; or X-Api-Key, where this server takes keys, over HTTPS.",
        )
    ]
)


@dataclass(frozen=True, slots=True)
class Place:
    """What is taken at an address, how it is signed, at most how many bytes of it; what the address names, if anything."""

    endpoint: Endpoint
    form: Form
    most_bytes: int | None = None
    key: str | None = None


_PLACES: Final = {
    "/ingest/readings": Place(READINGS, "ingest"),
    "/ingest/omh": Place(OMH, "ingest"),
    "/ingest/phd": Place(PHD, "ingest"),
    "/api/device/vitals": Place(VITALS, "api", MAX_VITALS_BYTES),
    "/api/wearables/sync": Place(WEARABLES, "api"),
}


def place(path: str) -> Place | None:
    """What is taken at `path`; None at any other address."""
    of_device = _OF_DEVICE.fullmatch(path)
    return _PLACES.get(path) if of_device is None else Place(DEVICE_READINGS, "ingest", key=of_device[1])


def router(gateway: Gateway, *, max_body_bytes: int) -> APIRouter:
    """The addresses that take signed readings, as the OpenAPI document tells them; `Direct` goes a shorter way to them."""
    routes = APIRouter(tags=["devices"])

    @routes.post("/ingest/readings", **READINGS_DESCRIPTION)
    async def readings(request: Request) -> Response:
        return await answered(request, gateway, max_body_bytes)

    @routes.post("/api/devices/{key}/readings", **DEVICE_READINGS_DESCRIPTION)
    async def device_readings(key: str, request: Request) -> Response:  # noqa: ARG001 - for the document
        return await answered(request, gateway, max_body_bytes)

    @routes.post("/api/device/vitals", **VITALS_DESCRIPTION)
    async def vitals(request: Request) -> Response:
        return await answered(request, gateway, max_body_bytes)

    @routes.post("/ingest/omh", **OMH_DESCRIPTION)
    async def omh(request: Request) -> Response:
        return await answered(request, gateway, max_body_bytes)

    @routes.post("/ingest/phd", **PHD_DESCRIPTION)
    async def phd(request: Request) -> Response:
        return await answered(request, gateway, max_body_bytes)

    @routes.post("/api/wearables/sync", **WEARABLES_DESCRIPTION)
    async def wearables(request: Request) -> Response:
        return await answered(request, gateway, max_body_bytes)

    for each in (*_PLACES, "/api/devices/{key}/readings"):
        routes.add_api_route(each, _not_allowed, methods=_OTHER_METHODS, include_in_schema=False)
    return routes


async def _not_allowed(request: Request) -> Response:
    text = f"{request.method} is not answered here. Send readings with POST."
    return _outcome(405, outcome([Issue("not-supported", text)]), {"Allow": "POST"})


async def answered(request: Request, gateway: Gateway, max_body_bytes: int) -> Response:
    """The answer to a POST at one of the places, once what it brought is committed."""
    at = place(request.scope["path"])
    assert at is not None, "the routes are of the places"
    try:
        kind = _kind(request, at.endpoint)
        body = await _body(request, min(at.most_bytes or max_body_bytes, max_body_bytes))
        sent = signed(request, at.form, path(request), body)
        answer = await gateway.answer(sent, at.endpoint, kind, at.key)
    except IngestError as error:
        return refusal(error)
    media_type = _FHIR_JSON if answer.status == 400 else "application/json"
    return Response(answer.body, answer.status, media_type=media_type)


def signed(
    request: Request, form: Form, path: str, body: bytes, sha256: bytes | None = None
) -> SignedRequest:
    """The request as its device signed it."""
    headers = request.headers
    api_key = headers.getlist("x-api-key")
    return SignedRequest(
        form=form,
        method=request.method,
        path=path,
        device=headers.getlist("x-device-id"),
        timestamp=headers.getlist("x-timestamp"),
        signature=headers.getlist("x-signature"),
        body=body,
        sha256=sha256,
        api_key=api_key,
        confidential=bool(api_key) and confidential(request),
    )


def path(request: Request) -> str:
    """The path as the device sent it, percent signs and all."""
    raw: bytes | None = request.scope.get("raw_path")
    return request.url.path if raw is None else raw.partition(b"?")[0].decode("latin-1")


async def _body(request: Request, limit: int) -> bytes:
    """The whole body; raises TooLarge as soon as more than `limit` bytes are announced or came."""
    announced = request.headers.get("content-length", "")
    too_large = TooLarge(f"The body is larger than {limit} bytes. Send fewer readings at once.")
    if announced.isdecimal() and int(announced[:18]) > limit:
        raise too_large
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


def _kind(request: Request, endpoint: Endpoint) -> Body:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedType(
            "The body is compressed. Send it as it is, since the signature is over its bytes."
        )
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = _BODIES.get(media_type)
    if kind is None or kind not in endpoint.bodies:
        taken = " or ".join(_TYPES[each] for each in endpoint.bodies)
        raise UnsupportedType(f"The body's type {media_type[:60]!r} is not taken. Send {taken}.")
    return kind


def refusal(error: IngestError) -> Response:
    """What the client is told of `error`; raises it where no answer is meant for it."""
    match error:
        case Unauthenticated():
            challenge = f"{_SIGNED}, {_KEYED}" if error.keys_taken else _SIGNED
            return _outcome(401, _NOT_SIGNED, {"WWW-Authenticate": challenge})
        case NoSpace():
            return _outcome(507, _said("no-store", error), {"Retry-After": str(error.retry_after)})
        case RateLimited() | Unavailable():
            status, code = (429, "throttled") if isinstance(error, RateLimited) else (503, "transient")
            return _outcome(status, _said(code, error), {"Retry-After": str(error.retry_after)})
        case TooLarge():
            return _outcome(413, _said("too-long", error), {})
        case Misaddressed():
            issue = Issue("business-rule", str(error), error.element)
            return _outcome(422, outcome([issue]), {})
        case UnsupportedType():
            return _outcome(415, _said("not-supported", error), {})
        case UnknownDevice():
            return _outcome(404, _said("not-found", error), {})
        case InvalidParameter(element=element):
            return _outcome(400, outcome([Issue("value", str(error), element)]), {})
    raise error


def _said(code: str, error: IngestError) -> bytes:
    return outcome([Issue(code, str(error))])


def _outcome(status: int, body: bytes, headers: dict[str, str]) -> Response:
    return Response(body, status, headers, media_type=_FHIR_JSON)
