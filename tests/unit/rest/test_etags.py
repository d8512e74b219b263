from datetime import UTC, datetime

import pytest

from fhir_server.errors import InvalidRequest
from fhir_server.rest.etags import etag, http_date, known_versions, since, versions


def test_a_version_becomes_a_weak_etag_and_back():
    assert etag(3) == b'W/"3"'
    assert versions('W/"3", "4"', "If-Match") == {3, 4}
    assert versions(" * ", "If-Match") == "*"


@pytest.mark.parametrize("header", ["", "3", "W/3", 'W/"x"', 'W/"1",', 'w/"1"', 'W/"-1"', 'W/"9999999999"'])
def test_another_form_is_refused_where_a_write_depends_on_it(header):
    with pytest.raises(InvalidRequest, match="If-Match"):
        versions(header, "If-Match")


def test_another_form_names_no_version_where_a_read_asks():
    assert known_versions('nonsense, W/"2"') == {2}


def test_dates_are_written_and_read_as_http_does():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    assert http_date(moment) == b"Fri, 02 Jan 2026 03:04:05 GMT"
    assert since("Fri, 02 Jan 2026 03:04:05 GMT") == moment.replace(microsecond=0)
    assert since("yesterday") is None
