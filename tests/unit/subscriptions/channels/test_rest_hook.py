"""What a rest-hook sends, and what it takes for taken."""

from datetime import UTC, datetime

import pytest

from fhir_server.outbound import Reply
from fhir_server.subscriptions.channels.outgoing import Outgoing
from fhir_server.subscriptions.channels.rest_hook import failure, message
from fhir_server.subscriptions.model import Asked, Channel, Event
from fhir_server.subscriptions.notification import About, Occurrence

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOPIC = "urn:fhir-server:topic:Patient-created"


def outgoing(
    kind="events", topic=TOPIC, payload="application/fhir+json", endpoint="https://e/base", body=None
):
    channel = Channel("rest-hook", endpoint, payload, "full-resource")
    told = [Occurrence(Event(7, NOW, "create", "Patient", "p1", 1, 1), body)] if kind == "events" else []
    about = About("s", topic, "active", 7, "https://here/fhir")
    return Outgoing(kind, Asked("s", topic, (), channel), about, told, {"X-Own": "Secret"}, NOW)


@pytest.mark.item("sub-T4")
def test_the_guide_s_notifications_are_posted_with_the_headers_and_media_type_that_were_asked_for():
    for kind in ("handshake", "heartbeat", "events"):
        made = message(outgoing(kind, payload="application/fhir+json;fhirVersion=4.0"))
        assert (made.method, made.url) == ("POST", "https://e/base")
        assert made.headers == (
            (b"X-Own", b"Secret"),
            (b"content-type", b"application/fhir+json;fhirVersion=4.0"),
        )
        assert made.id.encode() in made.body


@pytest.mark.item("sub-Q2")
@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://e/base", "https://e/base/Patient/p1"),
        ("https://e/base/", "https://e/base/Patient/p1"),
        ("https://e", "https://e/Patient/p1"),
        ("https://e/base?k=v", "https://e/base/Patient/p1?k=v"),
    ],
)
def test_r4_puts_the_resource_below_the_endpoint(endpoint, url):
    made = message(outgoing(topic=None, endpoint=endpoint, body=b"{}"))
    assert (made.method, made.url, made.body) == ("PUT", url, b"{}")


@pytest.mark.item("sub-Q2")
def test_r4_posts_nothing_where_no_payload_was_asked_for_whatever_there_is():
    made = message(outgoing(topic=None, payload=None, body=b"{}"))
    assert (made.method, made.url, made.body, made.headers) == (
        "POST",
        "https://e/base",
        b"",
        ((b"X-Own", b"Secret"),),
    )


def test_r4_has_no_handshake_no_heartbeat_and_nothing_to_send_of_what_may_not_be_shown():
    assert message(outgoing("handshake", topic=None)) is None
    assert message(outgoing("heartbeat", topic=None)) is None
    assert message(outgoing(topic=None, body=None)) is None


@pytest.mark.item("sub-G3")
@pytest.mark.parametrize(
    ("status", "found"),
    [
        (200, None), (202, None), (204, None),
        (301, "hard"), (304, "hard"), (400, "hard"), (401, "hard"), (404, "hard"), (422, "hard"),
        (408, "soft"), (425, "soft"), (429, "soft"), (500, "soft"), (503, "soft"), (599, "soft"), (150, "soft"),
        (410, "gone"),
    ],
)  # fmt: skip
def test_an_answer_is_taken_soft_hard_or_gone(status, found):
    why = failure(Reply(status, (), b"secret of theirs"), NOW)
    assert (why and ("gone" if why.is_gone else "hard" if why.is_hard else "soft")) == found
    assert why is None or (str(status) in why.reason and "secret" not in why.reason)


@pytest.mark.item("sub-G3")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"120", 120),
        (b"Thu, 01 Jan 2026 12:01:00 GMT", 60),
        (b"Thu, 01 Jan 2026 11:00:00 GMT", 0),
        (b"soon", None),
        (b"Thu, 01 Jan 99999999999999999999 12:00:00 GMT", None),
        (b"-1", None),
        (b"\xb2", None),
        (b"9" * 500, 999_999_999),
    ],
)
def test_how_long_an_endpoint_asks_to_be_left_alone(text, seconds):
    assert failure(Reply(503, [(b"retry-after", text)], b""), NOW).retry_after == seconds
    assert failure(Reply(503, (), b""), NOW).retry_after is None
