"""The demonstration's run: a ward is set up, then its devices send what they measure, each told in lines.

https://hl7.org/fhir/R4/observation.html
"""

from contextlib import aclosing
from typing import Any, Final, Protocol

from fhir_server.demo import ward
from fhir_server.demo.devices import Sent, simulated
from fhir_server.demo.ecg import Recorded, ecg
from fhir_server.demo.http import Client, ServerAway
from fhir_server.demo.people import DemoUser, app, people
from fhir_server.demo.ward import WardDevice
from fhir_server.serve.owner import Running

_HINTS_EVERY: Final = 30
_AWAY: Final = frozenset({429, 503})


class Screen(Protocol):
    """Where the run is told."""

    def ready(self, running: Running) -> None:
        """The server answers."""

    def set_up(self, patients: list[str], devices: list[WardDevice]) -> None:
        """The ward is there."""

    def people(self, users: list[DemoUser], app: str) -> None:
        """These may log in, by `app`; those who were made just now with a password that is told this once."""

    def recorded(self, recorded: Recorded, made: list[str]) -> None:
        """The ECG was taken in, and this was made of it."""

    def sent(self, sent: Sent, made: list[str]) -> None:
        """A device sent something, and this was made of it."""

    def away(self, device: str, why: str) -> None:
        """What a device sent was not answered; it goes on with its next."""


async def show(running: Running, screen: Screen) -> None:
    """Never returns by itself; OperatorError when the server refuses what a ward may do."""
    settings = running.settings
    if settings.data_dir is None:
        raise AssertionError("the command line fills it in")
    client = Client(running.address, running.token)
    patients = await ward.patients(client)
    devices = await ward.devices(client, settings.data_dir)
    screen.set_up(patients, devices)
    screen.people(await people(client), await app(client))
    recorded = await ecg(client, ward.ECG_DEVICE, "p1")
    screen.recorded(recorded, await _made(client, recorded.references))
    screen.ready(running)
    await _live(client, devices, screen, running)


async def _live(client: Client, devices: list[WardDevice], screen: Screen, running: Running) -> None:
    """What the devices on patients send, each message with what was made of it."""
    worn = [device for device in devices if device.patient is not None]
    async with aclosing(simulated(client.address, worn)) as stream:
        number = 0
        async for sent in stream:
            number += 1
            await _tell(client, sent, screen)
            if number % _HINTS_EVERY == 0:
                screen.ready(running)


async def _tell(client: Client, sent: Sent, screen: Screen) -> None:
    if not sent.status or sent.status in _AWAY:
        screen.away(sent.device, sent.reason or f"The server answered {sent.status}.")
        return
    try:
        screen.sent(sent, await _made(client, sent.references()))
    except ServerAway as error:
        screen.away(sent.device, str(error))


async def _made(client: Client, references: "tuple[str, ...] | list[str]") -> list[str]:
    """Each resource in a line, as the FHIR API gives it."""
    return [told((await client.get(f"/fhir/{reference}")).wanted(200).body) for reference in references]


def told(resource: Any) -> str:  # Any: a resource as JSON
    """An Observation or another resource in a line: its codes, its value, its address."""
    codes = " = ".join(
        f"{_SYSTEMS.get(coding.get('system'), '')}{coding.get('code')}" for coding in _codings(resource)
    )
    name = resource.get("code", {}).get("text") or next(
        (coding["display"] for coding in _codings(resource) if "display" in coding), ""
    )
    address = f"{resource['resourceType']}/{resource['id']}"
    return " · ".join(part for part in (address, name, codes, _value(resource)) if part)


_SYSTEMS: Final = {"http://loinc.org": "LOINC ", "urn:iso:std:iso:11073:10101": "MDC "}


def _codings(resource: Any) -> list[Any]:  # Any: as above
    codings: list[Any] = resource.get("code", {}).get("coding", [])
    return codings


def _value(resource: Any) -> str:  # Any: as above
    if "valueQuantity" in resource:
        return _quantity(resource["valueQuantity"])
    parts = [
        _quantity(part["valueQuantity"]) for part in resource.get("component", []) if "valueQuantity" in part
    ]
    return " / ".join(parts)


def _quantity(quantity: Any) -> str:  # Any: as above
    return f"{quantity.get('value')} {quantity.get('unit') or quantity.get('code') or ''}".strip()
