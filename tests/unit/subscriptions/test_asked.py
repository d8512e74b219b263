"""What Subscriptions ask for, read and refused without a server."""

from datetime import UTC, datetime

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.interactions.write import prepare
from fhir_server.json import dumps
from fhir_server.subscriptions.as_json import asked_from, asked_json, owner_from, owner_json
from fhir_server.subscriptions.asked import asked, taken_apart
from fhir_server.subscriptions.model import Channel, Criterion
from fhir_server.subscriptions.topics import TOPICS
from smart_auth.principal import CareOf, Everything, Patients, Principal

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BASE = "http://server.example/fhir"
GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
READING = "urn:fhir-server:topic:new-reading"
LIMIT = "urn:fhir-server:topic:vital-beyond-limit"
ADMITTED = "urn:fhir-server:topic:encounter-admitted"


def extension(name, **value):
    return {"url": GUIDE + name, **value}


def subscription(*filters, criteria=READING, **channel):
    tree = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to be told",
        "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": "https://hooks.example/in"} | channel,
    }
    if filters:
        told = [extension("backport-filter-criteria", valueString=one) for one in filters]
        tree["_criteria"] = {"extension": told}
    return tree


def read(tree):
    return asked(tree, id="1", base_url=BASE, now=NOW)


def refused(tree):
    """The element that is to blame for a Subscription that cannot be run."""
    with pytest.raises(Unprocessable) as caught:
        read(tree)
    (issue,) = caught.value.issues
    return issue.expression.removeprefix("Subscription.")


def sse(code="sse", system="urn:fhir-server:code-system:channel-type"):
    coding = {"system": system, "code": code}
    return {
        "type": None,
        "endpoint": None,
        "_type": {"extension": [extension("backport-channel-type", valueCoding=coding)]},
    }


def without_nulls(tree):
    tree["channel"] = {name: value for name, value in tree["channel"].items() if value is not None}
    return tree


@pytest.mark.item("sub-T2")
def test_the_request_of_the_guide_is_read_whole():
    tree = subscription(
        "Encounter?patient=Patient/123",
        criteria=ADMITTED,
        extension=[
            extension("backport-heartbeat-period", valueUnsignedInt=86400),
            extension("backport-timeout", valueUnsignedInt=60),
            extension("backport-max-count", valuePositiveInt=20),
        ],
        header=["Authorization: Bearer SAMPLE"],
        payload="application/fhir+json",
        _payload={"extension": [extension("backport-payload-content", valueCode="id-only")]},
    ) | {"end": "2030-12-31T12:00:00Z", "meta": {"profile": [GUIDE + "backport-subscription"]}}

    found = read(tree)

    assert (found.topic, found.ends_at) == (ADMITTED, datetime(2030, 12, 31, 12, tzinfo=UTC))
    assert found.criteria == (
        Criterion("Encounter", "patient=Patient%2F123", frozenset({"create", "update"}), "admitted"),
    )
    assert found.channel == Channel(
        "rest-hook", "https://hooks.example/in", "application/fhir+json", "id-only", ("Authorization",), 86400, 60, 20
    )  # fmt: skip
    assert asked_from("1", asked_json(found), found.ends_at) == found


@pytest.mark.item("sub-T2")
@pytest.mark.parametrize(
    ("filters", "query"),
    [
        (["patient=Patient/1"], "patient=Patient%2F1"),
        (["code:not=8867-4"], "code%3Anot=8867-4"),
        (["Observation.patient=Patient/1"], "patient=Patient%2F1"),
        (["Observation?patient=Patient/1"], "patient=Patient%2F1"),
        (["patient=Patient/1", "Observation.code=a,b"], "patient=Patient%2F1&code=a%2Cb"),
        (["Observation?patient=Patient/1&code=http://loinc.org|8867-4"], "patient=Patient%2F1&code=http%3A%2F%2Floinc.org%7C8867-4"),
        ([f"patient={BASE}/Patient/1"], "patient=Patient%2F1"),
        ([], ""),
    ],
)  # fmt: skip
def test_a_filter_is_read_in_every_spelling_and_several_must_all_hold(filters, query):
    assert read(subscription(*filters)).criteria[0].query == query


def test_a_filter_of_devices_is_asked_by_their_ids():
    text = f"device=Device/d1,d2,{BASE}/Device/d3"
    found = read(subscription(text, criteria="urn:fhir-server:topic:device-silent"))

    assert found.criteria == (Criterion("Device", "_id=d1%2Cd2%2Cd3", frozenset({"silent"}), "silent"),)


@pytest.mark.item("sub-T3")
@pytest.mark.parametrize(
    "text",
    ["nonsense=1", "Patient.name=x", "Encounter?patient=Patient/1", "date=gt2020", "code:in=http://vs", "patient.name=x",
     "", "code=", "code=1\n", "patient=urn:uuid:2d5afc69-6ef2-420f-a8d1-8500c99eb96c", "_has:Provenance:target:agent=x", "_count=3", "code:nonsense=x"],
)  # fmt: skip
def test_a_filter_that_the_topic_does_not_take_is_refused_by_its_place(text):
    assert refused(subscription("patient=Patient/1", text)) == "criteria.extension[1]"


@pytest.mark.parametrize(
    "text", ["code=8867-4", "value-quantity=120", "value-quantity=gt120,60", "value-quantity:missing=true"]
)
def test_a_vital_beyond_a_limit_needs_a_limit(text):
    assert refused(subscription(text, criteria=LIMIT)) == "criteria"


@pytest.mark.parametrize(
    "text", ["value-quantity=lt50,gt120", "combo-value-quantity=ge140|http://unitsofmeasure.org|mm[Hg]",
             "combo-code-value-quantity=http://loinc.org|8480-6$gt180"],
)  # fmt: skip
def test_a_limit_is_any_bound_of_a_value(text):
    assert read(subscription("code=85354-9", text, criteria=LIMIT)).criteria[0].type == "Observation"


@pytest.mark.item("sub-Q4")
@pytest.mark.parametrize(
    "criteria", ["http://example.org/topics/other", "urn:fhir-server:topic:Binary-created", READING + "|2"]
)
def test_an_address_that_is_no_topic_here_is_refused(criteria):
    assert refused(subscription(criteria=criteria)) == "criteria"


@pytest.mark.item("sub-Q4")
def test_a_topic_goes_by_an_address_of_this_server_too():
    address = f"{BASE}/SubscriptionTopic/new-reading"
    found = read(subscription("patient=p1", criteria=address))

    assert found.topic == address
    assert found.criteria == read(subscription("patient=p1")).criteria
    assert (
        refused(subscription(criteria="http://other.example/fhir/SubscriptionTopic/new-reading"))
        == "criteria"
    )
    assert refused(subscription(criteria=f"{BASE}/SubscriptionTopic/{READING}")) == "criteria"
    with pytest.raises(Unprocessable):
        asked(subscription(criteria="/SubscriptionTopic/new-reading"), id="1", base_url="", now=NOW)


@pytest.mark.item("sub-Q4")
def test_whoever_claims_the_profile_means_a_topic():
    claimed = subscription(criteria="Observation?code=1") | {
        "meta": {"profile": [GUIDE + "backport-subscription|1.1.0"]}
    }

    assert refused(claimed) == "criteria"
    assert not read(subscription(criteria="Observation?code=1")).backport


@pytest.mark.item("sub-Q1")
@pytest.mark.parametrize(
    "criteria",
    ["Observation?patient.name=x", "/Observation?code=1", f"{BASE}/Observation?code=1", "Nothing?code=1", "Observation?nonsense=1",
     "Observation?code:in=http://vs", "Observation?date=ap2020", "Observation?code-value-date=a$ap2020", "Observation?_include=*",
     "Observation?_sort=date", "Observation?_has:Provenance:target:agent=x", "Observation?_list=1", "Observation?_text=x",
     "Binary?contenttype=a", "AuditEvent?action=C", "Subscription?status=off", "Observation?code=a|b|c|d", "x y",
     "Observation?code=1\n", "Observation?subject:Patient=a,urn:uuid:2d5afc69-6ef2-420f-a8d1-8500c99eb96c", "Observation?_id=urn:oid:1.2"],
)  # fmt: skip
def test_a_search_that_cannot_be_decided_is_refused(criteria):
    assert refused(subscription(criteria=criteria)) == "criteria"


@pytest.mark.item("sub-Q2")
def test_a_search_without_payload_is_told_without_a_body():
    channel = read(subscription(criteria="Observation?code=1")).channel

    assert (channel.payload, channel.content) == (None, "empty")


@pytest.mark.item("sub-Q2")
def test_a_search_with_payload_is_told_with_the_resource():
    channel = read(subscription(criteria="Observation?code=1", payload="application/fhir+json")).channel

    assert (channel.payload, channel.content) == ("application/fhir+json", "full-resource")


@pytest.mark.item("sub-T3")
@pytest.mark.parametrize(
    ("channel", "element"),
    [
        ({"type": "email", "endpoint": "mailto:a@b.c"}, "channel.type"),
        ({"type": "sms"}, "channel.type"),
        ({"type": "message"}, "channel.type"),
        ({"endpoint": None}, "channel.endpoint"),
        ({"type": "websocket"}, "channel.endpoint"),
        ({"type": "websocket", "endpoint": None, "header": ["A: b"]}, "channel.header"),
        (sse("zulip"), "channel.type.extension[0]"),
        (sse(system="http://other"), "channel.type.extension[0]"),
        ({"payload": "application/fhir+xml"}, "channel.payload"),
        ({"payload": "application/json; fhirVersion=5.0"}, "channel.payload"),
        ({"payload": "text/json"}, "channel.payload"),
        ({"payload": "application/fhir+json; fhirVersion=5.0"}, "channel.payload"),
        ({"payload": "application/fhir+json;\ncharset=utf-8"}, "channel.payload"),
        ({"payload": "application/fhir+json;\u00a0charset=utf-8"}, "channel.payload"),
        ({"payload": 'application/fhir+json; charset="utf-8'}, "channel.payload"),
        ({"_payload": {"extension": [extension("backport-payload-content", valueCode="all")]}}, "channel.payload.extension[0]"),
        ({"_payload": {"extension": [extension("backport-payload-content", valueString="empty")]}}, "channel.payload.extension[0]"),
        ({"extension": [extension("backport-max-count", valuePositiveInt=0)]}, "channel.extension[0]"),
        ({"extension": [extension("backport-timeout", valueUnsignedInt=1)] * 2}, "channel.extension[1]"),
        ({"extension": [extension("backport-filter-criteria", valueString="a=b")]}, "channel.extension[0]"),
        ({"extension": [{"url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.maxCount"}]}, "channel.extension[0]"),
        ({"modifierExtension": [{"url": "http://x"}]}, "channel.modifierExtension"),
        ({"header": ["no colon"]}, "channel.header[0]"),
        ({"header": ["A: 1", "a: 2"]}, "channel.header[1]"),
        ({"header": ["A: b\r\nC: d"]}, "channel.header[0]"),
        ({"header": ["A: "]}, "channel.header[0]"),
        ({"header": ["Host: inside"]}, "channel.header[0]"),
        ({"header": ["Content-Length: 3"]}, "channel.header[0]"),
        ({"header": ["webhook-signature: v1,x"]}, "channel.header[0]"),
        ({"header": [f"A{number}: b" for number in range(21)]}, "channel.header"),
    ],
)  # fmt: skip
def test_a_channel_that_is_not_served_is_refused_by_its_element(channel, element):
    assert refused(without_nulls(subscription(**channel))) == element


@pytest.mark.item("sub-T3")
def test_extensions_of_r5_and_an_end_that_has_passed_are_refused():
    r5 = {"extension": [{"url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.topic"}]}

    assert refused(subscription() | r5) == "extension[0]"
    assert refused(subscription() | {"_status": r5}) == "status.extension[0]"
    assert refused(subscription(_endpoint=r5)) == "channel.endpoint.extension[0]"
    assert refused(subscription(_header=[None, r5])) == "channel.header.extension[0]"
    assert refused(subscription() | {"end": "2026-11-20T00:00:00Z"}) == "end"
    assert read(subscription() | {"end": "2026-11-20T00:00:00Z", "status": "off"}).ends_at < NOW


@pytest.mark.parametrize(
    "payload",
    [
        "application/fhir+json",
        "application/fhir+json;fhirVersion=4.0",
        "application/fhir+json; charset=utf-8",
        "application/json",
    ],
)
def test_the_payload_is_the_json_of_this_version(payload):
    assert read(subscription(payload=payload)).channel.payload == payload


@pytest.mark.parametrize(
    "tree",
    [without_nulls(subscription(**sse())), subscription(header=["A: b"], payload="application/fhir+json")],
)
def test_what_is_taken_is_what_r4_defines(tree):
    draft = prepare("Subscription", dumps(tree), method="POST")

    assert draft.apart is not None


def test_a_subscription_without_a_status_is_refused():
    tree = {name: value for name, value in subscription().items() if name != "status"}
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}

    with pytest.raises(Unprocessable, match="no status"):
        prepare("Subscription", dumps(tree | {"_status": {"extension": [absent]}}), method="POST")


def test_a_stream_of_events_is_a_channel_of_its_own_type():
    assert read(without_nulls(subscription(**sse()))).channel.type == "sse"


def test_nothing_is_told_of_what_happened_where_nothing_is_asked_for():
    assert read(subscription()).channel.content == "empty"


@pytest.mark.item("leak-25")
def test_what_headers_say_is_taken_out_of_the_resource():
    tree = subscription(header=["Authorization:  Bearer canary ", "X-Of: ******"])

    kept, apart = taken_apart(tree, base_url=BASE, now=NOW)

    assert kept["channel"]["header"] == ["Authorization: ******", "X-Of: ******"]
    assert apart.headers == {"Authorization": "Bearer canary", "X-Of": None}
    assert "canary" not in str((kept, apart.asked))


def test_no_refusal_tells_what_a_header_says():
    with pytest.raises(Unprocessable) as caught:
        read(subscription(header=["Bearer canary"]))

    assert "canary" not in str(caught.value.issues)


@pytest.mark.parametrize(
    ("channel", "given", "status"),
    [
        ({}, "requested", "requested"),
        ({}, "off", "off"),
        ({"type": "websocket", "endpoint": None}, "requested", "active"),
        ({"type": "websocket", "endpoint": None}, "off", "off"),
    ],
)
def test_a_channel_that_needs_no_answer_is_active_at_once(channel, given, status):
    tree = without_nulls(subscription(**channel)) | {"status": given, "error": "of before"}

    kept, _ = taken_apart(tree, base_url=BASE, now=NOW)

    assert kept["status"] == status
    assert "error" not in kept


def test_there_is_a_topic_for_each_way_in_which_a_resource_changes():
    assert {
        f"urn:fhir-server:topic:Observation-{way}" for way in ("created", "updated", "deleted")
    } <= TOPICS.keys()
    assert (
        not {f"urn:fhir-server:topic:{type}-created" for type in ("Subscription", "Binary", "AuditEvent")}
        & TOPICS.keys()
    )


@pytest.mark.parametrize(
    "reach", [None, Everything(), Patients(frozenset({"a", "b"})), CareOf("p", frozenset({"o"}))]
)
def test_an_owner_is_kept_as_they_were(reach):
    owner = Principal(
        "user:1", frozenset({"user/*.rs"}), "app", "1", "Practitioner/p", "a", reach, True, True, "grant"
    )

    assert owner_from(owner_json(owner)) == owner
