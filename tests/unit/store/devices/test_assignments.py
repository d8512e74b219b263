from datetime import UTC, datetime

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.store.devices.assignments import use


def statement(**members):
    return {
        "resourceType": "DeviceUseStatement",
        "status": "active",
        "subject": {"reference": "Patient/p1"},
        "device": {"reference": "Device/d1"},
        "timingPeriod": {"start": "2026-01-01T00:00:00Z"},
    } | members


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ({"start": "2026-01-01T10:00:00+01:00"}, at(2026, 1, 1, 9), None),
        ({"end": "2026-01-01T10:00:00.5Z"}, None, at(2026, 1, 1, 10, 0, 0, 500_000)),
        ({"start": "2026-01-05", "end": "2026-01-05"}, at(2026, 1, 5), at(2026, 1, 6)),
        ({"start": "2026-02", "end": "2026-02"}, at(2026, 2, 1), at(2026, 3, 1)),
        ({"start": "2026-12", "end": "2026-12"}, at(2026, 12, 1), at(2027, 1, 1)),
        ({"start": "2024", "end": "2025"}, at(2024, 1, 1), at(2026, 1, 1)),
        ({"start": "2016-12-31T23:59:60Z"}, at(2016, 12, 31, 23, 59, 59), None),
    ],
)
def test_a_period_is_taken_to_the_moment(period, start, end):
    stated = use(statement(timingPeriod=period))
    assert (stated.start, stated.end) == (start, end)


@pytest.mark.parametrize(
    "members",
    [
        {"status": "entered-in-error"},
        {"status": "intended"},
        {"status": "on-hold"},
        {"timingPeriod": None, "timingDateTime": "2026-01-01"},
        {"subject": {"reference": "Group/g1"}},
        {"subject": {"display": "somebody"}},
        {"device": {"identifier": {"value": "d1"}}},
        {"device": {"reference": "#contained"}},
        {"device": {"reference": "https://elsewhere.example/Device/d1"}},
    ],
)
def test_what_is_no_use_of_a_device_here_assigns_nothing(members):
    assert use(statement(**members)) is None


def test_a_versioned_reference_is_the_same_device():
    assert use(statement(device={"reference": "Device/d1/_history/3"})).device == "d1"


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2026-01-02", "end": "2026-01-01"},
        {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_period_that_ends_before_it_starts_is_refused(period):
    with pytest.raises(Unprocessable) as refused:
        use(statement(timingPeriod=period))
    assert refused.value.issues[0].expression == "DeviceUseStatement.timingPeriod"


def test_a_statement_about_another_servers_device_assigns_nothing():
    stated = statement(device={"reference": "https://fhir.example/fhir/Device/d1"})
    assert use(stated, "https://other.example/fhir") is None
    assert use(stated) is None
    assert use(stated, "https://fhir.example/fhir").device == "d1"
