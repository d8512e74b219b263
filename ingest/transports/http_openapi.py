"""What the OpenAPI document says of the addresses that take signed readings.

https://spec.openapis.org/oas/v3.1.0
"""

# FastAPI's own parameter types are as wide as `Any`; these go to it unchanged.
from collections.abc import Mapping
from typing import Any, Final

from mappers.device_status import CALIBRATION_STATES, CALIBRATION_TYPES, OPERATIONS, TEXTS

_NUMBER: Final = {"type": "number"}
_VALUE: Final = {
    "oneOf": [
        {"type": ["number", "null"]},
        {
            "type": "object",
            "properties": {"value": _NUMBER, "unit": {"type": "string"}},
            "additionalProperties": False,
        },
    ]
}
_SHORT_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 128}

_STATUS: Final = {
    "type": "object",
    "additionalProperties": False,
    "description": "What the device says of itself; with it, `data` may be left out.",
    "properties": {
        "battery": {**_NUMBER, "minimum": 0, "maximum": 100, "description": "In per cent."},
        "firmware": _SHORT_TEXT,
        "operation": {"enum": list(OPERATIONS)},
        "calibration": {
            "type": "object",
            "required": ["state"],
            "additionalProperties": False,
            "properties": {
                "state": {"enum": list(CALIBRATION_STATES)},
                "type": {"enum": list(CALIBRATION_TYPES)},
                "time": {"type": "string", "format": "date-time"},
            },
        },
        **dict.fromkeys(TEXTS, _SHORT_TEXT),
    },
}


def _reading(device: str, patient: str) -> dict[str, object]:
    """A reading, in a form that has these names for the members that name the device and the patient."""
    return {
        "type": "object",
        "required": ["timestamp"],
        "anyOf": [{"required": ["data"]}, {"required": ["device_status"]}],
        "additionalProperties": False,
        "properties": {
            "timestamp": {
                "oneOf": [{"type": "string", "format": "date-time"}, _NUMBER],
                "description": "When it was measured: ISO 8601 with an offset, or seconds since 1970.",
            },
            "data": {
                "type": "object",
                "additionalProperties": _VALUE,
                "example": {"spo2": 97, "pulseRate": 72},
            },
            device: {**_SHORT_TEXT, "description": "Must be the device that sends."},
            patient: {**_SHORT_TEXT, "description": "Must be the patient assigned when it was measured."},
            "type": {**_SHORT_TEXT, "description": "Must be the type the device is registered as."},
            "sequence": {"oneOf": [_SHORT_TEXT, {"type": "integer"}]},
            "id": {"oneOf": [_SHORT_TEXT, {"type": "integer"}]},
            "corrects": {"type": "boolean", "default": False},
            "duration": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "For how many seconds was measured, from `timestamp`.",
            },
            "device_status": _STATUS,
            "quality": {
                "oneOf": [
                    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                    {"type": "string", "enum": ["good"]},
                ],
                "description": "How good the signal was, up to 1.",
            },
        },
    }


_READING: Final = _reading("device", "patient")
_ADDRESSED: Final = _reading("device_id", "patient_id")
_VITALS: Final = {
    "type": "object",
    "required": ["timestamp"],
    "properties": {"timestamp": {**_NUMBER, "maximum": 10**11, "description": "Seconds since 1970."}},
    "additionalProperties": {"type": ["number", "null"]},
    "example": {"heartRate": 75, "spo2": 98, "temperature": 36.8, "timestamp": 1234567890},
}
_OUTCOME: Final = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {"resourceType": {"const": "OperationOutcome"}, "issue": {"type": "array", "minItems": 1}},
}
RESULT: Final = {
    "type": "object",
    "required": ["status", "references"],
    "properties": {
        "status": {"enum": ["created", "unchanged", "amended", "rejected"]},
        "references": {"type": "array", "items": {"type": "string"}},
        "outcome": _OUTCOME,
    },
}
RESULTS: Final = {
    "type": "object",
    "required": ["results"],
    "properties": {"results": {"type": "array", "items": RESULT}},
}


def _header(name: str, description: str) -> dict[str, object]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }


PARAMETERS: Final = [
    _header("X-Device-Id", "The device's registered name, or the id of its Device resource."),
    _header("X-Timestamp", "Seconds since 1970, at most 60 from the server's clock."),
    _header("X-Signature", "Base64 of the HMAC-SHA256 that docs/ingest.md describes."),
    _header("X-Api-Key", "The device's key, instead of the other three, where this server takes keys."),
]


def answer(description: str, schema: Mapping[str, object]) -> dict[str, object]:
    """What is answered with JSON of this schema."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def refused(description: str) -> dict[str, object]:
    """What is refused with an OperationOutcome."""
    return {"description": description, "content": {"application/fhir+json": {"schema": _OUTCOME}}}


REFUSALS: Final[dict[int | str, dict[str, object]]] = {
    400: refused("The body as a whole is not JSON."),
    401: refused("Not signed by a registered device within its time."),
    413: refused("Too many bytes or readings."),
    415: refused("A type or encoding that is not taken."),
    429: refused("The device sends too often; see Retry-After."),
    503: refused("Nothing can be promised now; send the same bytes again after Retry-After."),
}

READINGS_DESCRIPTION: Final[dict[str, Any]] = {
    "summary": "Take in readings, each answered on its own",
    "response_model": None,
    "responses": {
        200: answer("Every reading is stored.", RESULTS),
        207: answer("At least one reading was rejected.", RESULTS),
        **REFUSALS,
    },
    "openapi_extra": {
        "parameters": PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"oneOf": [_READING, {"type": "array", "items": _READING}]}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        },
    },
}

DEVICE_READINGS_DESCRIPTION: Final[dict[str, Any]] = {
    "summary": "Take in readings of one device, by its name, its id or its type",
    "response_model": None,
    "responses": {
        200: answer("Every reading is stored.", RESULTS),
        207: answer("At least one reading was rejected, and not all.", RESULTS),
        422: {
            "description": "Every reading was rejected; or the address names another device or type than the one that sends.",
            "content": {
                "application/json": {"schema": RESULTS},
                "application/fhir+json": {"schema": _OUTCOME},
            },
        },
        **REFUSALS,
    },
    "openapi_extra": {
        "parameters": PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [_ADDRESSED, {"type": "array", "items": _ADDRESSED}]}
                },
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        },
    },
}

VITALS_DESCRIPTION: Final[dict[str, Any]] = {
    "summary": "Take in one flat reading of an edge monitor",
    "response_model": None,
    "responses": {
        200: answer("The reading is stored.", RESULT),
        422: answer("The reading was rejected.", RESULT),
        **REFUSALS,
    },
    "openapi_extra": {
        "parameters": PARAMETERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _VITALS}}},
    },
}
