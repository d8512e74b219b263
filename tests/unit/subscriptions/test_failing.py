"""An endpoint that fails is tried again ever more seldom, then in error, then off."""

from datetime import timedelta

import pytest

from fhir_server.subscriptions.failing import Failure, Forbearance, pause, state_after

FORBEARANCE = Forbearance(attempts=3, period=timedelta(hours=24))
SOFT, HARD, GONE = Failure("soft"), Failure("hard", is_hard=True), Failure("gone", is_gone=True)
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)


@pytest.mark.item("sub-G3")
@pytest.mark.item("sub-T7")
@pytest.mark.parametrize(
    ("state", "attempts", "failing_for", "failure", "after"),
    [
        ("active", 1, HOUR, SOFT, "active"),
        ("active", 2, HOUR, SOFT, "active"),
        ("active", 3, HOUR, SOFT, "error"),
        ("error", 9, HOUR, SOFT, "error"),
        ("active", 1, HOUR, HARD, "error"),
        ("error", 9, DAY, SOFT, "off"),
        ("error", 9, DAY, HARD, "off"),
        ("active", 1, HOUR, GONE, "off"),
        ("requested", 1, timedelta(0), SOFT, "error"),
        ("requested", 1, timedelta(0), HARD, "error"),
    ],
)
def test_the_state_after_a_failed_attempt(state, attempts, failing_for, failure, after):
    assert state_after(state, attempts, failing_for, failure, FORBEARANCE) == after


@pytest.mark.item("sub-G3")
def test_pauses_double_up_to_some_minutes_and_differ_by_chance():
    assert [pause(attempts, SOFT, 0) for attempts in (1, 2, 3, 9, 10, 1_000_000)] == [1, 2, 4, 256, 300, 300]
    assert (pause(3, SOFT, 1), pause(3, SOFT, 0.5)) == (2, 3)


@pytest.mark.item("sub-G3")
def test_an_endpoint_is_left_alone_for_as_long_as_it_asks_up_to_an_hour():
    assert pause(1, Failure("busy", retry_after=100), 0) == 100
    assert pause(9, Failure("busy", retry_after=100), 0) == 256
    assert pause(1, Failure("busy", retry_after=1e9), 0) == 3_600
