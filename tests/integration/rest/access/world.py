"""Callers of one server, and two families whose resources name each other in every way that must not lead across.

Every resource of Patient/b says so in `implicitRules`: no answer to somebody who may only see Patient/a may hold that.
"""

import json
from typing import Any

import httpx

from fhir_server.interactions.write import draft
from fhir_server.json import dumps, parse
from fhir_server.store.database import Database
from smart_auth.errors import CredentialsRejected
from smart_auth.principal import EVERY_SCOPE, Principal

BASE = "http://server.example/fhir"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SECRET = "urn:secret-of-b"


class Known:
    """Knows the callers that it was told of, by their number."""

    def __init__(self) -> None:
        self._principals: list[Principal] = []

    def token(self, principal: Principal) -> str:
        self._principals.append(principal)
        return str(len(self._principals) - 1)

    async def authenticate(self, authorization_header: str | None) -> Principal:
        if authorization_header is None:
            raise CredentialsRejected("no token")
        return self._principals[int(authorization_header.removeprefix("Bearer "))]


class Asker:
    """A caller, whom no answer may tell what is in `never`."""

    def __init__(self, client: httpx.AsyncClient, token: str, never: str | None) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
        self._never = never

    async def ask(self, method: str, path: str, tree: Any = None, **headers: str) -> httpx.Response:
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if tree is None else json.dumps(tree)
        url = path if path.startswith("http") else f"{BASE}/{path}"
        answer = await self._client.request(method, url, content=content, headers=self._headers | lines)
        assert answer.status_code < 500, answer.text
        assert self._never is None or self._never not in answer.text, (method, path)
        return answer

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.ask("GET", path, **headers)

    async def status(self, path: str) -> int:
        return (await self.get(path)).status_code

    async def found(self, path: str) -> set[str]:
        """`Type/id` of every resource in the Bundle at `path` and on the pages that follow."""
        found, url = set[str](), path
        while url:
            answer = await self.get(url)
            assert answer.status_code == 200, (url, answer.text)
            found |= names(answer.json())
            url = next((link["url"] for link in answer.json()["link"] if link["relation"] == "next"), "")
        return found


class Server:
    """A running server, its database, and its callers."""

    def __init__(self, client: httpx.AsyncClient, database: Database, known: Known) -> None:
        self._client, self.database, self._known = client, database, known

    def caller(self, *scopes: str, patient: str | None = None, name: str = "app", **more: Any) -> Asker:
        principal = Principal(name, frozenset(scopes), patient=patient, **more)
        return Asker(self._client, self._known.token(principal), SECRET if patient == "a" else None)

    def operator(self) -> Asker:
        principal = Principal("operator", EVERY_SCOPE, administrator=True, auditor=True)
        return Asker(self._client, self._known.token(principal), None)

    async def store(self, *resources: dict[str, Any]) -> None:
        """Stores resources as they are, whether or not they are what R4 wants."""
        drafts = [
            draft(tree["resourceType"], parse(dumps(tree)), id=tree["id"], method="PUT", base_url=BASE)
            for tree in resources
        ]
        assert None not in await self.database.create_all(drafts)


def names(bundle: dict[str, Any]) -> set[str]:
    entries = (entry.get("resource") for entry in bundle.get("entry", ()))
    resources = [one for one in entries if one and one["resourceType"] != "OperationOutcome"]
    return {f"{one['resourceType']}/{one['id']}" for one in resources}


def resource(type: str, id: str, /, **elements: Any) -> dict[str, Any]:
    return {"resourceType": type, "id": id, **elements}


def to(reference: str) -> dict[str, str]:
    return {"reference": reference}


def coded(code: str, system: str = "http://loinc.org") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def observation(id: str, patient: str, category: str = "vital-signs", **elements: Any) -> dict[str, Any]:
    about = {"category": [coded(category, CATEGORY)], "subject": to(f"Patient/{patient}")}
    return resource("Observation", id, status="final", code=coded("8867-4"), **about) | elements


def new(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if name != "id"}


def family(p: str, other: str) -> list[dict[str, Any]]:
    """What is in the record of one patient, who is linked to the other."""
    patient, measured = to(f"Patient/{p}"), {"system": "http://unitsofmeasure.org", "code": "/min"}
    binary = {"contentType": "text/plain", "data": "QUFB"}
    found = [
        resource("Patient", p, birthDate="1970-01-01", name=[{"family": f"Family-{p}"}],
                 generalPractitioner=[to(f"Practitioner/{p}-gp")], managingOrganization=to(f"Organization/{p}-org"),
                 link=[{"other": to(f"Patient/{other}"), "type": "seealso"}]),
        resource("Practitioner", f"{p}-gp", name=[{"family": "Gp"}]),
        resource("Practitioner", f"{p}-nurse"),
        resource("Organization", f"{p}-org", name="Org"),
        resource("Device", f"{p}-device"),
        resource("Device", f"{p}-own", patient=patient),
        resource("DeviceMetric", f"{p}-metric", category="measurement", source=to(f"Device/{p}-device")),
        observation(f"{p}-vital", p, performer=[to(f"Practitioner/{p}-nurse")], device=to(f"DeviceMetric/{p}-metric"),
                    effectiveDateTime="2026-01-01T00:00:00Z", valueQuantity={"value": 72, **measured},
                    focus=[to(f"Observation/{other}-vital")]),
        observation(f"{p}-lab", p, "laboratory", code=coded("718-7"), device=to(f"Device/{p}-device"),
                    effectiveDateTime="2026-01-02T00:00:00Z", valueQuantity={"value": 5, **measured}),
        resource("DiagnosticReport", f"{p}-report", status="final", code=coded("58410-2"), subject=patient,
                 result=[to(f"Observation/{p}-lab"), to(f"Observation/{other}-lab")]),
        resource("Coverage", f"{p}-cover", status="active", beneficiary=patient, subscriber=to(f"Patient/{other}")),
        resource("Appointment", f"{p}-appointment", status="booked", participant=[{"actor": patient, "status": "accepted"}]),
        resource("List", f"{p}-list", status="current", mode="working", subject=patient, source=to(f"Patient/{other}"),
                 entry=[{"item": to(f"Observation/{p}-vital")}, {"item": to(f"Observation/{other}-vital")}]),
        resource("Communication", f"{p}-message", status="completed", subject=patient, recipient=[to(f"Patient/{other}")]),
        resource("Provenance", f"{p}-provenance", recorded="2026-01-01T00:00:00Z", target=[to(f"Observation/{p}-vital")]),
        resource("DocumentReference", f"{p}-document", status="current", subject=patient,
                 content=[{"attachment": {"url": f"Binary/{p}-file"}}]),
        resource("Binary", f"{p}-file", **binary),
        resource("Binary", f"{p}-secured", securityContext=patient, **binary),
        resource("RelatedPerson", f"{p}-mother", patient=patient),
        resource("Account", f"{p}-account", status="active", subject=[patient]),
    ]  # fmt: skip
    return [tree | {"implicitRules": SECRET} if p == "b" else tree for tree in found]


def shared() -> list[dict[str, Any]]:
    """What names both patients, or none."""
    a, b = to("Patient/a"), to("Patient/b")
    found = [
        resource("Appointment", "both", status="booked", participant=[{"actor": a, "status": "accepted"}, {"actor": b, "status": "accepted"}]),
        resource("Account", "both", status="active", subject=[a, b]),
        resource("Group", "both", type="person", actual=True, member=[{"entity": a}, {"entity": b}]),
        resource("Person", "both", link=[{"target": a}, {"target": b}]),
        resource("Provenance", "both", recorded="2026-01-01T00:00:00Z", target=[to("Observation/a-vital"), to("Observation/b-vital")]),
        resource("ValueSet", "open", status="active"),
        resource("Binary", "nobodys", contentType="text/plain", data="QUFB"),
    ]  # fmt: skip
    return [tree | {"implicitRules": SECRET} for tree in found]


RECORD = {f"{tree['resourceType']}/{tree['id']}" for tree in family("a", "b")}
"""What the app of Patient/a may see with every scope of a patient's."""
