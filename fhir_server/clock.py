"""Time as FHIR writes it: instants in UTC with milliseconds.

https://hl7.org/fhir/R4/datatypes.html#instant
"""

from datetime import UTC, datetime
from functools import lru_cache


def now() -> datetime:
    """The current time in UTC, to the microsecond."""
    return datetime.now(UTC)


def to_milliseconds(moment: datetime) -> datetime:
    """`moment` cut to whole milliseconds, the precision of `meta.lastUpdated`."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@lru_cache(maxsize=64)
def instant(moment: datetime) -> str:
    """`moment` as a FHIR instant in UTC: `2026-01-02T03:04:05.678Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
