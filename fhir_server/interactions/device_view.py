"""A registered device as its administrators are shown it, by the command line and over HTTP alike.

docs/ingest.md, "Registering"
"""

from datetime import datetime
from typing import Final, Literal, cast

from fhir_server.clock import instant
from fhir_server.json import JsonObject, JsonValue, stored
from fhir_server.store.devices.registration import Registration
from fhir_server.store.devices.silence import CONNECTED_WITHIN
from mappers.device_state import stated

_SAID: Final = ("firmware", "battery", "operation", "calibration")


def device_view(known: Registration, now: datetime) -> JsonObject:
    """The device with its state at `now`; what its Device resource does not say is null. Never a secret."""
    device: JsonObject = {} if known.body is None else stored(known.body)
    return {
        "device_id": known.name,
        "device": f"Device/{known.id}",
        "type": known.profile,
        "patient": known.patient and f"Patient/{known.patient}",
        "status": known.status,
        "connection": connection(known.last_seen_at, now),
        "api_key": known.has_api_key,
        "last_seen": None if known.last_seen_at is None else instant(known.last_seen_at),
        "registered": instant(known.registered_at),
        "label": _label(device),
        "manufacturer": device.get("manufacturer"),
        "model": device.get("modelNumber"),
        "serial_number": device.get("serialNumber"),
        **{member: cast("JsonValue", stated(known.state, member)) for member in _SAID},
    }


def connection(last_seen: datetime | None, now: datetime) -> Literal["connected", "silent", "never"]:
    """Whether the device sent a signed request lately, long ago, or never."""
    if last_seen is None:
        return "never"
    return "connected" if now - last_seen < CONNECTED_WITHIN else "silent"


def _label(device: JsonObject) -> JsonValue:
    names = device.get("deviceName")
    for each in names if isinstance(names, list) else ():
        if isinstance(each, dict) and each.get("type") == "user-friendly-name":
            return each.get("name")
    return None
