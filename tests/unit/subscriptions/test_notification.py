"""Notifications are the Bundles of the Subscriptions R5 Backport, to the letter."""

from datetime import UTC, datetime

import orjson
import pytest

from fhir_server.subscriptions import notification
from fhir_server.subscriptions.model import Event
from fhir_server.subscriptions.notification import About, Occurrence
from fhir_server.validation.structure import check

BASE = "https://example.org/fhir"
PROFILES = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
AT = datetime(2026, 5, 29, 16, 44, 13, 188_999, tzinfo=UTC)
THEN = datetime(2026, 5, 29, 16, 44, 12, 5_000, tzinfo=UTC)
ENCOUNTER = (
    b'{"resourceType": "Encounter", "id": "e1", "status": "in-progress", '
    b'"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}}'
)


def about(**changes):
    known = {"id": "admission", "topic": "urn:fhir-server:topic:encounter-admitted", "state": "active"}
    return About(**{**known, "numbered": 2, "base_url": BASE, **changes})


def event(number=2, change="create", type="Encounter", id="e1", version=1):
    return Event(number, THEN, change, type, id, 7, version)


def told(one):
    """The Bundle, which is a valid one of R4, and the parameters of its first entry by their names."""
    check("Bundle", one.body)
    bundle = orjson.loads(one.body)
    assert bundle["id"] == one.id
    assert all(entry["request"] and entry["response"] for entry in bundle["entry"])
    return bundle, {each["name"]: each for each in bundle["entry"][0]["resource"]["parameter"]}


@pytest.mark.item("sub-N1")
def test_a_notification_with_the_whole_resource_is_that_of_the_guide():
    bundle, _ = told(notification.events(about(), "full-resource", [Occurrence(event(), ENCOUNTER)], AT))
    state = bundle["entry"][0]["resource"]["id"]
    assert bundle == {
        "resourceType": "Bundle",
        "id": bundle["id"],
        "meta": {"profile": [f"{PROFILES}/backport-subscription-notification-r4"]},
        "type": "history",
        "timestamp": "2026-05-29T16:44:13.188Z",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{state}",
                "resource": {
                    "resourceType": "Parameters",
                    "id": state,
                    "meta": {"profile": [f"{PROFILES}/backport-subscription-status-r4"]},
                    "parameter": [
                        {"name": "subscription", "valueReference": {"reference": f"{BASE}/Subscription/admission"}},
                        {"name": "topic", "valueCanonical": "urn:fhir-server:topic:encounter-admitted"},
                        {"name": "status", "valueCode": "active"},
                        {"name": "type", "valueCode": "event-notification"},
                        {"name": "events-since-subscription-start", "valueString": "2"},
                        {
                            "name": "notification-event",
                            "part": [
                                {"name": "event-number", "valueString": "2"},
                                {"name": "timestamp", "valueInstant": "2026-05-29T16:44:12.005Z"},
                                {"name": "focus", "valueReference": {"reference": f"{BASE}/Encounter/e1"}},
                            ],
                        },
                    ],
                },
                "request": {"method": "GET", "url": f"{BASE}/Subscription/admission/$status"},
                "response": {"status": "200"},
            },
            {
                "fullUrl": f"{BASE}/Encounter/e1",
                "resource": orjson.loads(ENCOUNTER),
                "request": {"method": "POST", "url": "Encounter"},
                "response": {"status": "201"},
            },
        ],
    }  # fmt: skip


@pytest.mark.item("sub-N3")
@pytest.mark.item("leak-13")
def test_an_empty_notification_names_no_topic_no_focus_and_no_resource():
    bundle, parameters = told(notification.events(about(), "empty", [Occurrence(event(), ENCOUNTER)], AT))
    assert len(bundle["entry"]) == 1
    assert "topic" not in parameters
    assert [part["name"] for part in parameters["notification-event"]["part"]] == [
        "event-number",
        "timestamp",
    ]
    assert b"Encounter" not in orjson.dumps(bundle)


@pytest.mark.item("sub-N2")
@pytest.mark.item("leak-13")
def test_a_notification_of_ids_names_its_focus_and_holds_no_resource():
    bundle, parameters = told(notification.events(about(), "id-only", [Occurrence(event(), ENCOUNTER)], AT))
    assert parameters["topic"]["valueCanonical"] == "urn:fhir-server:topic:encounter-admitted"
    focus = {"name": "focus", "valueReference": {"reference": f"{BASE}/Encounter/e1"}}
    assert focus in parameters["notification-event"]["part"]
    assert bundle["entry"][1:] == [
        {
            "fullUrl": f"{BASE}/Encounter/e1",
            "request": {"method": "POST", "url": "Encounter"},
            "response": {"status": "201"},
        }
    ]


@pytest.mark.item("sub-N5")
@pytest.mark.parametrize(
    ("change", "body", "method", "url", "status"),
    [
        ("create", ENCOUNTER, "POST", "Encounter", "201"),
        ("update", ENCOUNTER, "PUT", "Encounter/e1", "200"),
        ("delete", None, "DELETE", "Encounter/e1", "204"),
        ("silent", ENCOUNTER, "GET", "Encounter/e1", "200"),
        ("update", None, "GET", "Encounter/e1", "404"),
        ("create", None, "GET", "Encounter/e1", "404"),
    ],
)
def test_the_entry_of_an_event_says_what_was_done_and_whether_it_can_be_shown(
    change, body, method, url, status
):
    bundle, parameters = told(
        notification.events(about(), "full-resource", [Occurrence(event(change=change), body)], AT)
    )
    assert bundle["entry"][1]["request"] == {"method": method, "url": url}
    assert bundle["entry"][1]["response"] == {"status": status}
    assert ("resource" in bundle["entry"][1]) == (body is not None)
    assert parameters["notification-event"]["part"][2]["name"] == "focus"


@pytest.mark.item("sub-N4")
@pytest.mark.item("sub-T5")
def test_a_handshake_and_a_heartbeat_tell_of_no_event_and_count_none():
    bundle, parameters = told(notification.handshake(about(state="requested", numbered=0), AT))
    assert (parameters["status"]["valueCode"], parameters["type"]["valueCode"]) == ("requested", "handshake")
    assert parameters["events-since-subscription-start"]["valueString"] == "0"
    assert (len(bundle["entry"]), "notification-event" in parameters) == (1, False)
    bundle, parameters = told(notification.heartbeat(about(numbered=7), AT))
    assert (parameters["status"]["valueCode"], parameters["type"]["valueCode"]) == ("active", "heartbeat")
    assert parameters["events-since-subscription-start"]["valueString"] == "7"
    assert (len(bundle["entry"]), "notification-event" in parameters) == (1, False)


@pytest.mark.item("sub-N4")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("The endpoint answered 500 Internal Server Error.", "error-response"),
        ("The endpoint could not be told: there was no answer within 1 seconds.", "no-response"),
        ("The end of the subscription has come.", None),
    ],
)
def test_the_status_of_a_subscription_is_parameters_with_what_went_wrong(error, code):
    status = notification.query_status(about(state="error", error=error))
    check("Parameters", orjson.dumps(status))
    assert {"name": "type", "valueCode": "query-status"} in status["parameter"]
    system = "http://terminology.hl7.org/CodeSystem/subscription-error"
    coding = {} if code is None else {"coding": [{"system": system, "code": code}]}
    assert status["parameter"][-1] == {"name": "error", "valueCodeableConcept": coding | {"text": error}}


@pytest.mark.item("sub-N4")
def test_events_that_were_asked_for_come_with_the_number_of_all_there_are():
    some = [Occurrence(event(number)) for number in (1, 2)]
    bundle, parameters = told(notification.query_events(about(numbered=9), "id-only", some, AT))
    assert parameters["type"]["valueCode"] == "query-event"
    assert parameters["events-since-subscription-start"]["valueString"] == "9"
    numbers = [
        each["part"][0]["valueString"]
        for each in bundle["entry"][0]["resource"]["parameter"]
        if each["name"] == "notification-event"
    ]
    assert numbers == ["1", "2"]


def test_none_of_the_events_that_were_asked_for_is_an_answer_too():
    bundle, parameters = told(notification.query_events(about(), "id-only", [], AT))
    assert (len(bundle["entry"]), "notification-event" in parameters) == (1, False)


@pytest.mark.item("sub-G2")
def test_the_same_events_are_told_under_the_same_id_and_others_under_another():
    def id(numbers, at, **changes):
        return notification.events(
            about(**changes), "id-only", [Occurrence(event(each)) for each in numbers], at
        ).id

    assert id((1, 2), AT) == id((1, 2), THEN) == id((1, 2), AT, state="error")
    assert len({id((1, 2), AT), id((1,), AT), id((1, 2, 3), AT), id((1, 2), AT, id="other")}) == 4


def test_the_digits_of_a_resource_are_told_as_they_are_stored():
    body = b'{"resourceType": "Observation", "id": "o", "valueQuantity": {"value": 36.60}}'
    assert (
        b'"value": 36.60'
        in notification.events(
            about(), "full-resource", [Occurrence(event(type="Observation", id="o"), body)], AT
        ).body
    )
