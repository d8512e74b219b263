"""What the OpenAPI document says of the addresses that take Open mHealth and Health Connect.

https://spec.openapis.org/oas/v3.1.0
"""

# FastAPI's own parameter types are as wide as `Any`; these go to it unchanged.
from typing import Any, Final

from ingest.decoders.health_connect_types import RECORD_TYPES
from ingest.decoders.omh_schemas import SCHEMAS
from ingest.transports.http_openapi import PARAMETERS, REFUSALS, RESULT, RESULTS, answer

_POINT: Final = {
    "type": "object",
    "required": ["header", "body"],
    "additionalProperties": False,
    "properties": {
        "header": {
            "type": "object",
            "required": ["id", "creation_date_time", "schema_id"],
            "properties": {
                "id": {"type": "string", "minLength": 1, "maxLength": 64},
                "creation_date_time": {"type": "string", "format": "date-time"},
                "schema_id": {
                    "type": "object",
                    "required": ["namespace", "name", "version"],
                    "properties": {
                        "namespace": {"const": "omh"},
                        "name": {"enum": sorted({name for name, _ in SCHEMAS})},
                        "version": {"enum": sorted({version for _, version in SCHEMAS})},
                    },
                },
            },
        },
        "body": {"type": "object", "description": "As the schema that the header names has it."},
    },
}
_RECORDS: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        name: {
            "type": "array",
            "items": {
                "type": "object",
                "description": "As the platform gives it, with `metadata`, or as HCGateway keeps it, with `data`.",
            },
        }
        for name in RECORD_TYPES
    },
}
_NAMED_RESULTS: Final = {
    "type": "object",
    "required": ["results"],
    "properties": {"results": {"type": "object", "additionalProperties": {"type": "array", "items": RESULT}}},
}

OMH_DESCRIPTION: Final[dict[str, Any]] = {
    "summary": "Take in Open mHealth data points, each answered on its own",
    "response_model": None,
    "responses": {
        200: answer("Every data point is stored.", RESULTS),
        207: answer("At least one data point was rejected.", RESULTS),
        **REFUSALS,
    },
    "openapi_extra": {
        "parameters": PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"oneOf": [_POINT, {"type": "array", "items": _POINT}]}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        },
    },
}

WEARABLES_DESCRIPTION: Final[dict[str, Any]] = {
    "summary": "Take in Health Connect records by their type, each answered on its own",
    "response_model": None,
    "responses": {
        200: answer("Every record is stored.", _NAMED_RESULTS),
        207: answer("At least one record was rejected.", _NAMED_RESULTS),
        **REFUSALS,
    },
    "openapi_extra": {
        "parameters": PARAMETERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _RECORDS}}},
    },
}
