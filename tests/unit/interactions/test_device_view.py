"""Whether a device counts as connected."""

from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.interactions.device_view import CONNECTED_WITHIN, connection

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("last_seen", "state"),
    [
        (None, "never"),
        (NOW, "connected"),
        (NOW - CONNECTED_WITHIN + SECOND, "connected"),
        (NOW - CONNECTED_WITHIN, "silent"),
    ],
)
def test_a_device_is_connected_for_a_while_after_it_was_seen(last_seen, state):
    assert connection(last_seen, NOW) == state
