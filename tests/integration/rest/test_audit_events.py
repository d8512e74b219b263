"""The audit as AuditEvents: for auditors, read and searched, and made by nobody but the server."""

import asyncio
import json

import pytest

from fhir_server.app import create_app
from fhir_server.audit.record import Origin
from fhir_server.rest.audited import Notes
from fhir_server.store.audit.kept import KeptAudit
from fhir_server.validation.structure import check
from smart_auth.audit import Event
from smart_auth.principal import EVERY_SCOPE, Principal
from tests.integration.rest.conftest import connected, settings

FHIR = {"Content-Type": "application/fhir+json"}


def observation(patient):
    subject = {"reference": f"Patient/{patient}"}
    return json.dumps(
        {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": subject}
    )


@pytest.fixture
async def happened(client):
    """A few things that happened, as the ids of the Observations they happened to."""
    made = [
        (await client.post("/fhir/Observation", content=observation(patient), headers=FHIR)).json()["id"]
        for patient in ("p1", "p2")
    ]
    await client.get(f"/fhir/Observation/{made[0]}")
    await client.get("/fhir/Observation?patient=p1&code=1234-5")
    await client.get("/fhir/Patient/none")
    return made


async def found(client, query):
    answer = await client.get(f"/fhir/AuditEvent?{query}")
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def subtypes(events):
    """What happened to anything but the audit, which records that it is looked at."""
    others = [event for event in events if '"AuditEvent"' not in json.dumps(event["entity"])]
    return [event["subtype"][0]["code"] for event in others]


async def test_what_happened_is_found_newest_first_as_valid_audit_events(client, happened):
    events = await found(client, "")
    assert subtypes(events) == ["read", "search-type", "read", "create", "create"]
    for event in events:
        check("AuditEvent", json.dumps(event).encode())


async def test_an_audit_event_tells_who_did_what_to_whom_and_from_where(client, happened):
    (event,) = await found(client, f"entity=Observation/{happened[0]}&subtype=read")
    assert event["action"] == "R"
    assert event["outcome"] == "0"
    assert event["agent"][0]["altId"] == "static-token"
    assert event["agent"][0]["network"]["address"] == "127.0.0.1"
    whats = [entity["what"]["reference"] for entity in event["entity"] if "what" in entity]
    assert whats == [f"Observation/{happened[0]}/_history/1", "Patient/p1"]


async def test_an_audit_event_of_a_search_has_names_and_no_values(client, happened):
    (event,) = await found(client, "subtype=search-type&type=rest&_sort=date&_count=1")
    told = json.dumps(event)
    assert '"code"' in told
    assert "1234-5" not in told


FOUND_BY = (
    ("patient=p1", ["search-type", "read", "create"]),
    ("patient=Patient/p2", ["create"]),
    ("entity=Patient/p1", ["search-type", "read", "create"]),
    ("action=C", ["create", "create"]),
    ("action=R,C", ["read", "read", "create", "create"]),
    ("outcome=4", ["read"]),
    (
        "type=http://terminology.hl7.org/CodeSystem/audit-event-type|rest&subtype=create",
        ["create", "create"],
    ),
    ("type=110114", []),
    ("date=lt2020", []),
    ("date=ge2020-01-01&action=E", ["search-type"]),
    ("agent:identifier=urn:fhir-server:audit-subject|static-token&outcome=4", ["read"]),
    ("altid=user:7", []),
    ("agent=Practitioner/1", []),
    ("_sort=date&_count=2", ["create", "create"]),
    ("_id=nothing", []),
)


async def test_audit_events_are_found_by_every_parameter_served(client, happened):
    got = {query: subtypes(await found(client, query)) for query, _ in FOUND_BY}
    assert got == {query: [*(expected)] for query, expected in FOUND_BY}


async def test_pages_lead_through_all_of_them_once(client, happened):
    url, ids = "/fhir/AuditEvent?_count=2&date=ge2020&outcome=0,4&type=rest&action=C,R", []
    while url:
        page = (await client.get(url)).json()
        ids += [entry["resource"]["id"] for entry in page.get("entry", [])]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert len(ids) == len(set(ids)) == 4


async def test_an_audit_event_is_read_by_its_id_and_to_read_it_is_recorded_too(client, happened):
    (first, *_) = await found(client, "action=C")
    answer = await client.get(f"/fhir/AuditEvent/{first['id']}")
    assert answer.json() == first
    (event, *_) = await found(client, f"entity=AuditEvent/{first['id']}")
    assert event["subtype"][0]["code"] == "read"


async def test_one_that_is_not_there_is_not_found(client):
    for id in ("x", "0190a1b2-0000-7000-8000-000000000000"):
        assert (await client.get(f"/fhir/AuditEvent/{id}")).status_code == 404


REFUSED = (
    "address=10.0.0.1", "_include=AuditEvent:patient", "_sort=agent", "date=soon", "entity=1", "_count=0", "_cursor=x",
)  # fmt: skip


async def test_what_is_not_served_is_refused_by_name_even_to_the_lenient(client):
    for query in REFUSED:
        answer = await client.get(f"/fhir/AuditEvent?{query}", headers={"Prefer": "handling=lenient"})
        assert answer.status_code == 400, query
        assert query.partition("=")[0] in answer.json()["issue"][0]["diagnostics"]


CHANGES = {
    ("POST", "AuditEvent"): 405,
    ("PUT", "AuditEvent/1"): 405,
    ("PATCH", "AuditEvent/1"): 405,
    ("DELETE", "AuditEvent/1"): 405,
    ("GET", "AuditEvent/1/_history"): 404,
    ("GET", "Patient/1/AuditEvent"): 404,
}


async def test_nobody_makes_changes_or_removes_one(client):
    answers = {
        (method, path): (
            await client.request(method, f"/fhir/{path}", content=b"{}", headers=FHIR)
        ).status_code
        for method, path in CHANGES
    }
    assert answers == CHANGES


async def test_a_bundle_cannot_make_one_either(client):
    entry = {"request": {"method": "POST", "url": "AuditEvent"}, "resource": {"resourceType": "AuditEvent"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    answer = await client.post("/fhir", content=json.dumps(bundle), headers=FHIR)
    assert answer.json()["entry"][0]["response"]["status"] == "405"


class NoAuditor:
    async def authenticate(self, _):
        return Principal("user:1", EVERY_SCOPE, administrator=True)


async def test_whoever_is_no_auditor_is_refused(database_url):
    app = create_app(settings(database_url), NoAuditor())
    async with app.router.lifespan_context(app), connected(app) as client:
        answers = await asyncio.gather(client.get("/fhir/AuditEvent"), client.get("/fhir/AuditEvent/1"))
    assert [answer.status_code for answer in answers] == [403, 403]


async def test_logins_and_tokens_are_audit_events_too(client, database):
    notes = Notes(KeptAudit(database), Origin("192.0.2.7", "r-1"))
    notes.note(Event("login", False, reason="wrong_password"))
    notes.note(Event("token", True, "user:7", "app", "7", "Practitioner/3", "p1"))
    notes.note(Event("client-create", True, "user:1", user="1", about="client:app"))
    await notes.keep()
    events = await found(client, "")
    for event in events:
        check("AuditEvent", json.dumps(event).encode())
    assert {event["type"]["code"] for event in events} == {"110114", "110113"}
    (token,) = await found(client, "agent=Practitioner/3")
    assert token["agent"][0]["altId"] == "user:7"
    assert token["agent"][1]["who"]["identifier"]["value"] == "app"
    assert [one["outcome"] for one in await found(client, "subtype=110122")] == ["4"]


async def test_the_capability_statement_says_what_of_audit_events_is_served(client):
    tree = (await client.get("/fhir/metadata")).json()
    (audit,) = [one for one in tree["rest"][0]["resource"] if one["type"] == "AuditEvent"]
    assert [one["code"] for one in audit["interaction"]] == ["read", "search-type"]
    assert {"date", "patient", "entity", "outcome"} <= {one["name"] for one in audit["searchParam"]}
    assert "searchInclude" not in audit
