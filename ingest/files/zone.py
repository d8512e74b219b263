"""Offsets from UTC and moments, as people write them beside a file.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_OFFSET: Final = re.compile(r"([+-])([01][0-9]):([0-5][0-9])")


def zone(text: str) -> timezone | None:
    """The zone that `+01:00` or `Z` says, None for any other text."""
    if text == "Z":
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))


def moment(text: str, zone: timezone) -> datetime | None:
    """The moment that `2026-01-31T22:00:00` says, in `zone` where it has no offset; None for any other text."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)
