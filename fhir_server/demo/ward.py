"""Two patients and their devices, made once and found again.

https://hl7.org/fhir/R4/patient.html; https://hl7.org/fhir/R4/device.html
"""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import orjson

from fhir_server.clock import now
from fhir_server.demo.http import Client
from fhir_server.errors import OperatorError

PATIENTS: Final[tuple[dict[str, object], ...]] = (
    {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "Demonstration", "given": ["Ada"]}],
        "gender": "female",
        "birthDate": "1968-04-12",
    },
    {
        "resourceType": "Patient",
        "id": "p2",
        "name": [{"family": "Demonstration", "given": ["Blaise"]}],
        "gender": "male",
        "birthDate": "1951-11-03",
    },
)
ECG_DEVICE: Final = "demo-ecg"
_DEVICES: Final = (
    ("demo-oximeter-1", "pulse-oximeter", "p1"),
    ("demo-cuff-1", "blood-pressure", "p1"),
    ("demo-monitor-2", "bedside-monitor", "p2"),
    ("demo-cpap-1", "cpap", "p1"),
    ("demo-phone-1", "phone", "p1"),
    ("demo-concentrator-2", "oxygen-concentrator", "p2"),
    ("demo-ecg-2", "ecg-monitor", "p2"),
    ("demo-bipap-2", "bipap", "p2"),
    ("demo-meter-1", "glucose-meter", "p1"),
    ("demo-sensor-1", "continuous-glucose-monitor", "p1"),
    ("demo-tracker-1", "activity-tracker", "p1"),
    ("demo-thermometer-2", "thermometer", "p2"),
    ("demo-belt-2", "respiration-monitor", "p2"),
    ("demo-scale-1", "scale", "p1"),
    ("demo-apap-1", "apap", "p1"),
    ("demo-ventilator-2", "ventilator", "p2"),
    ("demo-edge-1", "edge-monitor", "p1"),
    ("demo-edge-2", "edge-monitor-body-probe", "p2"),
    ("demo-oximeter-2", "pulse-oximeter", "p2"),
    ("demo-cuff-2", "blood-pressure", "p2"),
    (ECG_DEVICE, "ecg-monitor", None),
)
_SINCE: Final = timedelta(days=30)
"""For so long the devices have been on their patients: a CPAP device brings the nights of two weeks."""


@dataclass(frozen=True, slots=True)
class WardDevice:
    """A device on the ward, with what it signs with."""

    name: str
    profile: str
    patient: str | None
    secret: str = field(repr=False)


async def patients(client: Client) -> list[str]:
    """The references of the two patients; one that is here already stays as it is."""
    for patient in PATIENTS:
        found = await client.get(f"/fhir/Patient/{patient['id']}")
        if found.wanted(200, 404, 410).status != 200:
            (await client.put(patient)).wanted(200, 201)
    return [f"Patient/{patient['id']}" for patient in PATIENTS]


async def devices(client: Client, data_dir: Path) -> list[WardDevice]:
    """The ward's devices, registered where they are not; their secrets are kept beside the keys, for the next run."""
    path = data_dir / "demo-devices.json"
    secrets = _read(path)
    for name, profile, patient in _DEVICES:
        if name not in secrets or not await _is_registered(client, name):
            secrets[name] = await _secret(client, name, profile, patient)
            _write(path, secrets)
    return [WardDevice(name, profile, patient, secrets[name]) for name, profile, patient in _DEVICES]


async def _is_registered(client: Client, name: str) -> bool:
    return (await client.get(f"/api/devices/{name}")).wanted(200, 404).status == 200


async def _secret(client: Client, name: str, profile: str, patient: str | None) -> str:
    """The secret of a device: its first, or a new one where it is registered already."""
    device: dict[str, object] = {"device_id": name, "type": profile}
    if patient is not None:
        device |= {"patient": patient, "start": now() - _SINCE}
    made = (await client.post("/api/devices", device)).wanted(201, 409)
    if made.status == 409:
        made = (await client.post(f"/api/devices/{name}/secret", {})).wanted(200)
    return str(made.body["secret"])


def _read(path: Path) -> dict[str, str]:
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        raise OperatorError(
            f"{path} is not what the demonstration wrote. Remove it; new secrets are made."
        ) from error
    return {str(name): str(secret) for name, secret in found.items()}


def _write(path: Path, secrets: dict[str, str]) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(secrets))
    draft.replace(path)
