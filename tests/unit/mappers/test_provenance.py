import json
from datetime import UTC, datetime, timedelta

from fhir.resources.R4B.provenance import Provenance

from mappers.provenance import About, Measured, Message, measured, provenances
from mappers.reading import Reading
from mappers.times import device_time

RECEIVED = datetime(2026, 1, 31, 12, 0, 1, 250_000, UTC)
MESSAGE = Message(bytes(range(32)), RECEIVED, "d1", "pulse-oximeter", "2")
NOON, ONE = device_time("2026-01-31T12:00:00Z"), device_time("2026-01-31T14:00:00+01:00")
ABOUT = About("Patient/p1", Measured(NOON, ONE))


def _made(activity="CREATE", targets=(("Observation/o1", 1),), about=ABOUT):
    return provenances(MESSAGE, activity, about, list(targets), "fhir-server 1.2.3")


def test_a_provenance_says_what_came_of_which_bytes_by_whom_when_and_by_which_declaration():
    (made,) = _made(targets=[("Observation/o1", 1), ("DiagnosticReport/r1", 1)])

    Provenance.model_validate_json(json.dumps(made))
    assert [each["reference"] for each in made["target"]] == [
        "Observation/o1",
        "DiagnosticReport/r1",
        "Patient/p1",
    ]
    assert made["recorded"] == "2026-01-31T12:00:01.250Z"
    assert made["occurredPeriod"] == {"start": "2026-01-31T12:00:00Z", "end": "2026-01-31T14:00:00+01:00"}
    assert made["policy"] == ["urn:fhir-server:device-type:pulse-oximeter:2"]
    assert made["activity"]["coding"][0]["code"] == "CREATE"
    assert [each["who"] for each in made["agent"]] == [
        {"reference": "Device/d1"},
        {"display": "fhir-server 1.2.3"},
    ]
    assert made["entity"] == [
        {
            "role": "source",
            "what": {
                "identifier": {"system": "urn:fhir-server:message:sha-256", "value": bytes(range(32)).hex()}
            },
        }
    ]


def test_a_correction_says_which_version_it_replaced():
    (made,) = _made("UPDATE", [("Observation/o1", 3)])

    Provenance.model_validate_json(json.dumps(made))
    assert made["entity"][1] == {"role": "revision", "what": {"reference": "Observation/o1/_history/2"}}


def test_what_was_measured_at_one_moment_has_no_period():
    (made,) = _made(about=About("Patient/p1", Measured(NOON, NOON)))

    assert made["occurredDateTime"] == "2026-01-31T12:00:00Z"
    assert "occurredPeriod" not in made


def test_ids_are_the_same_again_and_never_the_same_for_other_targets_or_versions():
    ids = [
        _made(activity, targets)[0]["id"]
        for activity, targets in (
            ("CREATE", [("Observation/o1", 1)]),
            ("CREATE", [("Observation/o1", 1), ("Observation/o2", 1)]),
            ("CREATE", [("Observation/o2", 1)]),
            ("UPDATE", [("Observation/o1", 2)]),
        )
    ]

    assert ids[0] == ids[1]  # the same version of the same resource is made once only
    assert len(set(ids)) == 3


def test_each_five_hundred_targets_have_a_provenance_and_none_has_none():
    made = _made(targets=[(f"Observation/o{n}", 1) for n in range(1001)])

    assert [len(each["target"]) for each in made] == [501, 501, 2]
    assert len({each["id"] for each in made}) == 3
    assert _made(targets=[]) == []


def test_the_times_of_many_readings_reach_from_the_first_to_the_end_of_the_last():
    early = Reading("d", "pulse-oximeter", NOON, RECEIVED, {}, duration=timedelta(hours=2))
    late = Reading("d", "pulse-oximeter", ONE, RECEIVED, {})

    joined = measured(late).joined(measured(early))

    assert (joined.first.text, joined.last.text) == ("2026-01-31T12:00:00Z", "2026-01-31T14:00:00Z")
