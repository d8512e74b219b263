"""A record becomes an AuditEvent that R4 allows, and that says nothing the record does not."""

from datetime import UTC, datetime

import pytest

from fhir_server.audit.event import audit_event
from fhir_server.audit.record import Agent, Origin, Record
from fhir_server.json import dumps
from fhir_server.validation.structure import check

AT = datetime(2026, 11, 21, 12, 0, 0, 123000, UTC)
ID = "019aa000-0000-7000-8000-000000000001"
DOCTOR = Agent("user:7", "app", "7", "Practitioner/3")
HERE = Origin("192.0.2.7", "r-1")

RECORDS = (
    Record("rest", "read", 0, DOCTOR, HERE, "Observation", "o1", 3, "p1", reason="200"),
    Record("rest", "read", 4, DOCTOR, HERE, "Patient", "p1", None, "p1", reason="404"),
    Record("rest", "search-type", 0, DOCTOR, HERE, "Observation", patient="p1", parameters=("code", "date")),
    Record("rest", "search-system", 0, types=("Patient", "Condition"), parameters=("_type",)),
    Record("rest", "operation", 8, DOCTOR, HERE, "Patient", "p1", name="everything-instance", reason="500"),
    Record("rest", "transaction", 12, DOCTOR),
    Record("user", "login", 4, origin=HERE, reason="wrong_password"),
    Record("user", "logout", 0, DOCTOR, HERE),
    Record("token", "token", 0, DOCTOR, HERE, patient="p1"),
    Record("ingest", "rejected", 4, Agent("device:ox-1"), HERE, name="http", reason="invariant"),
    Record("administration", "client-rotate", 0, Agent("command"), type="Client", id="app"),
    Record("administration", "device-read", 0, DOCTOR, HERE, "Device"),
    Record(
        "notification",
        "notification",
        0,
        DOCTOR,
        type="Subscription",
        id="s1",
        patient="p1",
        reason="200",
        events="3-7",
        destination="https://hook.example:8443",
    ),
)


@pytest.mark.parametrize(
    "record", RECORDS, ids=lambda record: f"{record.kind}-{record.action}-{record.outcome}"
)
def test_an_audit_event_is_what_r4_allows(record):
    check("AuditEvent", dumps(audit_event(ID, AT, record)))


def test_a_search_tells_the_names_of_its_parameters_beside_its_type_and_patient():
    tree = audit_event(ID, AT, RECORDS[2])
    assert tree["entity"] == [
        {
            "what": {"type": "Observation"},
            "type": {
                "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
                "code": "2",
                "display": "System Object",
            },
        },
        {
            "what": {"reference": "Patient/p1"},
            "type": {
                "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
                "code": "1",
                "display": "Person",
            },
            "role": {
                "system": "http://terminology.hl7.org/CodeSystem/object-role",
                "code": "1",
                "display": "Patient",
            },
        },
        {
            "type": {
                "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
                "code": "2",
                "display": "System Object",
            },
            "role": {
                "system": "http://terminology.hl7.org/CodeSystem/object-role",
                "code": "24",
                "display": "Query",
            },
            "detail": [
                {"type": "parameter", "valueString": "code"},
                {"type": "parameter", "valueString": "date"},
                {"type": "request-id", "valueString": "r-1"},
            ],
        },
    ]


def test_the_caller_is_named_by_resource_by_subject_and_by_address():
    first, second = audit_event(ID, AT, RECORDS[0])["agent"]
    assert first["who"]["reference"] == "Practitioner/3"
    assert first["altId"] == "user:7"
    assert first["network"] == {"address": "192.0.2.7", "type": "2"}
    assert second["who"]["identifier"]["value"] == "app"
    assert not second["requestor"]


def test_nobody_known_is_said_to_be_nobody_known():
    (agent,) = audit_event(ID, AT, RECORDS[6])["agent"]
    assert agent["who"] == {"display": "nobody known"}


def test_a_notification_names_its_events_and_where_it_went():
    tree = audit_event(ID, AT, RECORDS[-1])
    assert tree["type"]["code"] == "110106"  # Export
    assert tree["action"] == "R"
    assert tree["entity"][0]["what"] == {"reference": "Subscription/s1"}
    assert tree["entity"][0]["detail"] == [{"type": "events", "valueString": "3-7"}]
    assert [agent.get("network") for agent in tree["agent"]] == [
        None,
        None,
        {"address": "https://hook.example:8443", "type": "5"},
    ]
