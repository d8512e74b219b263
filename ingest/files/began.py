"""When a recording began and how long it lasted, held to what a calendar has.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from datetime import datetime, timedelta
from typing import Final

from ingest.errors import UnreadableFile
from ingest.files.format import Origin
from mappers.errors import InvalidTime
from mappers.times import DeviceTime, from_datetime, in_zone

LONGEST: Final = timedelta(days=366)
"""No recording lasts longer: a header that says so is damaged."""


def began(said: datetime | None, origin: Origin) -> DeviceTime | None:
    """The start that the file says, in the caller's zone; else the one that the caller says; None where nobody does.

    Raises UnreadableFile for a time before 1970, and for one that the zone has twice or not at all.
    """
    try:
        start = origin.start if said is None else in_zone(said, origin.zone)
        if start is None:
            return None
        return from_datetime(start, 6 if start.microsecond else 0)
    except InvalidTime as error:
        raise UnreadableFile(f"The recording began at a time that cannot be: {error}") from error


def check_duration(*durations: timedelta) -> None:
    """Nothing, if each of `durations` within one recording can be. Raises UnreadableFile otherwise."""
    longest = max(durations)
    if longest > LONGEST:
        raise UnreadableFile(f"The recording lasts {longest}, and at most {LONGEST.days} days are taken.")
