"""What the OpenAPI document says of the address that takes Observations of the Personal Health Device guide.

https://spec.openapis.org/oas/v3.1.0
"""

# FastAPI's own parameter types are as wide as `Any`; these go to it unchanged.
from typing import Any, Final

from ingest.decoders.phd_references import BUNDLE_TYPES
from ingest.transports.http_openapi import PARAMETERS, REFUSALS, RESULTS, answer

_OBSERVATION: Final = {
    "type": "object",
    "required": ["resourceType", "status", "code"],
    "properties": {"resourceType": {"const": "Observation"}},
}
_BUNDLE: Final = {
    "type": "object",
    "required": ["resourceType", "type", "entry"],
    "properties": {
        "resourceType": {"const": "Bundle"},
        "type": {"enum": list(BUNDLE_TYPES)},
        "entry": {"type": "array", "minItems": 1, "items": {"type": "object"}},
    },
}
_CONTENT: Final = {"schema": {"oneOf": [_OBSERVATION, _BUNDLE]}}

PHD_DESCRIPTION: Final[dict[str, Any]] = {
    "summary": "Take in Observations after the Personal Health Device guide, each answered on its own",
    "response_model": None,
    "responses": {
        200: answer("Every Observation is stored.", RESULTS),
        207: answer("At least one Observation was rejected.", RESULTS),
        **REFUSALS,
    },
    "openapi_extra": {
        "parameters": PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {"application/fhir+json": _CONTENT, "application/json": _CONTENT},
        },
    },
}
