from datetime import UTC, datetime, timedelta

import pytest

from ingest.errors import InvalidParameter
from ingest.files.saying import saying

RECEIVED = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "offset", "name"),
    [
        ("Z", 0, "UTC"),
        ("+00:00", 0, "UTC"),
        ("-05:30", -330, "UTC-05:30"),
        ("Europe/Berlin", 120, "Europe/Berlin"),
    ],
)
def test_a_zone_is_an_offset_or_the_name_of_a_place(said, offset, name):
    found = saying({"zone": said, "start": "2026-07-01T22:00:00"})

    assert found.start is not None
    assert found.start.utcoffset() == timedelta(minutes=offset)
    assert found.origin(None, RECEIVED).zone_name == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("zone", "EST"),
        ("zone", "Europe/Nowhere"),
        ("zone", "../../etc/passwd"),
        ("zone", "right/Europe/Berlin"),
        ("zone", "1"),
        ("start", "2026-03-29T02:30:00"),
        ("start", "2026-10-25T02:30:00"),
        ("correct-zone", "yes"),
        ("again", "1"),
    ],
)
def test_what_is_no_zone_or_not_one_moment_in_it_is_refused_by_name(name, text):
    with pytest.raises(InvalidParameter) as refused:
        saying({"zone": "Europe/Berlin", name: text})

    assert refused.value.element == name
    assert repr(text)[1:-1] in str(refused.value)
