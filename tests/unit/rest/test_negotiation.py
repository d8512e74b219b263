import pytest

from fhir_server.errors import NotAcceptable
from fhir_server.rest.negotiation import accepted, takes_gzip
from fhir_server.rest.preferences import Preferences, preferences


@pytest.mark.parametrize(
    ("header", "takes"),
    [("gzip", True), ("br, gzip;q=0.1", True), ("*", True), ("x-gzip", True), ("", False), ("gzip;q=0", False),
     ("gzip;q=0.000, *", False), ("identity", False), ("*;q=0", False), ("gzipped", False)],
)  # fmt: skip
def test_gzip_is_used_where_it_is_accepted(header, takes):
    assert takes_gzip(header) is takes


def test_the_higher_quality_wins_and_the_earlier_of_equals():
    assert accepted("text/json;q=0.2, application/json;q=0.3", None) == "application/json"
    assert accepted("text/json, application/json", None) == "text/json"


def test_a_format_that_is_refused_is_not_chosen_by_a_range():
    with pytest.raises(NotAcceptable):
        accepted("*/*, application/fhir+json;q=0", None)


@pytest.mark.parametrize(
    ("header", "want"),
    [
        (None, Preferences()),
        ("return=minimal; handling=lenient", Preferences("minimal", "lenient")),
        ('return="OperationOutcome"', Preferences("OperationOutcome")),
        ("wait=5, handling=STRICT", Preferences(handling="strict")),
        ("=,;=", Preferences()),
    ],
)
def test_preferences_are_read_and_unknown_ones_passed_over(header, want):
    assert preferences(header) == want
