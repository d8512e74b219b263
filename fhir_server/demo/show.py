"""The demonstration's run: a ward is set up, then its devices send a reading a second, each told in lines.

https://hl7.org/fhir/R4/observation.html
"""

import asyncio
import random
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any, Final, Protocol

from fhir_server.clock import instant, now
from fhir_server.demo import vitals, ward
from fhir_server.demo.ecg import ecg
from fhir_server.demo.http import Answer, Client, ServerAway, post_reading
from fhir_server.demo.ward import WardDevice
from fhir_server.keys import master_key
from fhir_server.serve.owner import Running
from fhir_server.store.database import Database
from ingest.files.summary import FileSummary

_CUFF_EVERY: Final = 10
_HINTS_EVERY: Final = 30


class Screen(Protocol):
    """Where the run is told."""

    def ready(self, running: Running) -> None:
        """The server answers."""

    def set_up(self, patients: list[str], devices: list[WardDevice]) -> None:
        """The ward is there."""

    def recorded(self, summary: FileSummary, made: list[str]) -> None:
        """The ECG was taken in, and this was made of it."""

    def sent(
        self, device: WardDevice, reading: Mapping[str, object], answer: Answer, made: list[str]
    ) -> None:
        """A reading was sent, answered so, and this was made of it."""

    def away(self, device: WardDevice, why: str) -> None:
        """A reading was not answered; the device goes on with its next."""


async def show(running: Running, screen: Screen) -> None:
    """Never returns by itself; OperatorError when the server refuses what a ward may do."""
    settings = running.settings
    if settings.data_dir is None:
        raise AssertionError("the command line fills it in")
    key = master_key(settings.master_key, settings.data_dir)
    client = Client(running.address, running.token)
    database = Database(running.database_url, size=2)
    await database.open()
    try:
        patients = await ward.patients(client)
        devices = await ward.devices(database, key, settings.data_dir)
        screen.set_up(patients, devices)
        summary = await ecg(database, key, settings, ward.ECG_DEVICE, "p1")
    finally:
        await database.close()
    made = await _made(client, summary.references)
    screen.recorded(summary, made)
    screen.ready(running)
    await _live(client, devices, screen, running)


async def _live(client: Client, devices: list[WardDevice], screen: Screen, running: Running) -> None:
    """A reading a second, each device in its turn; a cuff squeezes less often than an oximeter shines."""
    clock = asyncio.get_running_loop()
    due = clock.time()
    for number, (device, measures) in enumerate(_readings(devices), 1):
        reading = {"timestamp": instant(now()), "data": measures}
        try:
            answer = await post_reading(client.address, device.name, device.secret, reading)
            screen.sent(device, reading, answer, await _made(client, _references(answer)))
        except ServerAway as error:
            screen.away(device, str(error))
        if number % _HINTS_EVERY == 0:
            screen.ready(running)
        due += 1
        await asyncio.sleep(max(0.0, due - clock.time()))


def _readings(devices: list[WardDevice]) -> Iterator[tuple[WardDevice, vitals.Measures]]:
    chance = random.Random()  # noqa: S311 - nobody's secret
    sources = {"pulse-oximeter": vitals.pulse_oximetry, "blood-pressure": vitals.blood_pressure}
    streams = {each.name: sources[each.profile](chance) for each in devices if each.profile in sources}
    oximeters = cycle([each for each in devices if each.profile == "pulse-oximeter"])
    cuffs = cycle([each for each in devices if each.profile == "blood-pressure"])
    number = 0
    while True:
        number += 1
        device = next(cuffs) if number % _CUFF_EVERY == 2 else next(oximeters)
        yield device, next(streams[device.name])


def _references(answer: Answer) -> list[str]:
    results = answer.body.get("results", []) if isinstance(answer.body, dict) else []
    return [reference for result in results for reference in result.get("references", [])]


async def _made(client: Client, references: "tuple[str, ...] | list[str]") -> list[str]:
    """Each resource in a line, as the FHIR API gives it."""
    return [told((await client.get(reference)).wanted(200).body) for reference in references]


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
