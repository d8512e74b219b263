"""The people who may log in to the demonstration, and the app they use, made once and found again.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.demo.http import Client

DOCTOR: Final[dict[str, object]] = {
    "resourceType": "Practitioner",
    "id": "demo-doctor",
    "name": [{"family": "Demonstration", "given": ["Grace"]}],
}
APP: Final[dict[str, object]] = {
    "id": "vitals",
    "name": "Latest vital signs",
    "authentication": "none",
    "scopes": ["launch", "launch/patient", "patient/Patient.r", "patient/Observation.rs"],
    "redirect_uris": ["http://localhost:9000/"],
    "launch_url": "http://localhost:9000/",
}
"""The one in examples/smart_app, which runs on this machine and keeps no secret."""

_PEOPLE: Final[tuple[dict[str, object], ...]] = (
    {"name": "demo-admin", "role": "admin", "auditor": True},
    {"name": "demo-doctor", "role": "practitioner", "fhir_user": "Practitioner/demo-doctor"},
    {"name": "demo-ada", "role": "patient", "fhir_user": "Patient/p1"},
)


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user and, when they were made just now, the one-time password that nobody is told again."""

    name: str
    role: str
    fhir_user: str | None
    password: str | None = field(repr=False)


async def people(client: Client) -> list[DemoUser]:
    """The users; one who is here already stays as they are, with the password they have."""
    found = await client.get(f"/fhir/Practitioner/{DOCTOR['id']}")
    if found.wanted(200, 404, 410).status != 200:
        (await client.put(DOCTOR)).wanted(200, 201)
    return [_user((await client.post("/api/users", each)).wanted(201, 409).body, each) for each in _PEOPLE]


async def app(client: Client) -> str:
    """The app's client_id; one that is registered already stays as it is."""
    (await client.post("/api/clients", APP)).wanted(201, 409)
    return str(APP["id"])


def _user(made: Any, asked: dict[str, object]) -> DemoUser:  # Any: JSON of the server, or why it made none
    fhir_user = asked.get("fhir_user")
    return DemoUser(
        str(asked["name"]),
        str(asked["role"]),
        None if fhir_user is None else str(fhir_user),
        made.get("one_time_password"),
    )
