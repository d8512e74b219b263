"""What the OpenAPI document says of the address that takes files.

https://spec.openapis.org/oas/v3.1.0
"""

# FastAPI's own parameter types are as wide as `Any`; these go to it unchanged.
from typing import Any, Final

from ingest.transports.http_openapi import PARAMETERS, REFUSALS, answer, refused

_COUNT: Final = {"type": "integer", "minimum": 0}
_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_SAID: Final = {
    "device": "The registered device that measured; needed unless the device itself signs.",
    "patient": "Whom it measured, where the device was assigned to nobody then; a device's own word is only compared.",
    "zone": "The device's time zone where the file states none: Europe/Berlin, +01:00, or Z.",
    "correct-zone": "`true` where the file was read in another zone before, and wrongly.",
    "again": "`true` has a file read that was taken in before, in the place of what came of it then; for administrators.",
    "start": "When the recording began, for a file that does not say: 2026-01-31T22:00:00, in `zone` without an offset.",
    "mapping": "The declaration that says what the columns of a table are.",
}
_FIELDS: Final = {
    name: {"type": "string", "maxLength": 256, "description": said} for name, said in _SAID.items()
}
_SUMMARY: Final = {
    "type": "object",
    "required": ["file", "format", "sha256", "seen", "created", "unchanged", "amended", "rejected"],
    "properties": {
        "file": _TEXT,
        "format": _TEXT,
        "sha256": _TEXT,
        "seen": {"type": "boolean", "description": "It was taken in before; this is what was said then."},
        **dict.fromkeys(("created", "unchanged", "amended", "rejected"), _COUNT),
        "made": {"type": "array", "items": {"type": "object"}},
        "references": _TEXTS,
        "references_left_out": _COUNT,
        "issues": {"type": "array", "items": {"type": "object"}},
        "issues_left_out": _COUNT,
        "notes": _TEXTS,
        "zone": {
            "type": "string",
            "description": "What its times were taken to be of, where the file does not say.",
        },
        "error": {"type": "string", "description": "Where the file is broken."},
    },
}
_ANSWER: Final = {
    "type": "object",
    "required": ["files", "not_read"],
    "properties": {"files": {"type": "array", "items": _SUMMARY}, "not_read": _TEXTS},
}

FILES_DESCRIPTION: Final[dict[str, Any]] = {
    "summary": "Take in files that a device wrote",
    "response_model": None,
    "responses": {
        200: answer("All of every file is stored.", _ANSWER),
        207: answer("Something was rejected, or one of several files is broken.", _ANSWER),
        404: refused("No device of that name."),
        422: refused("The file is broken; the issue says where."),
        **REFUSALS,
        403: refused("The token does not permit this."),
    },
    "openapi_extra": {
        "parameters": [
            *({**each, "required": False} for each in PARAMETERS),
            *(
                {"name": name, "in": "query", "description": said, "schema": _TEXT}
                for name, said in _SAID.items()
            ),
            {"name": "name", "in": "query", "description": "The file's name.", "schema": _TEXT},
        ],
        "security": [{"bearer": []}, {}],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                            **_FIELDS,
                        },
                    }
                },
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        },
    },
}
