"""The page of examples/live_view shows what is measured as it comes, and after a break what came meanwhile."""

import pytest

from tests.contract.clients.content import heart_rate

pytestmark = pytest.mark.xdist_group("clients")


def test_the_page_shows_what_is_measured_as_it_comes_and_goes_on_where_it_was_cut_off(
    server, chromium, operator
):
    operator.store([{"resourceType": "Patient", "id": "watched"}])
    readings = [heart_rate("Patient/watched", rate, minute) for minute, rate in enumerate((71, 72, 73))]
    seen = chromium.do("watched", patient="watched", token=server.token, readings=readings)
    assert [row.split("\t")[1:] for row in seen["rows"]] == [
        ["8867-4", f"{rate} /min"] for rate in (73, 72, 71)
    ]
    first, *then = seen["resumed"]
    assert first is None
    assert None not in then
    assert then
    assert seen["faults"] == []
