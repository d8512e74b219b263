"""Versions as weak ETags, moments as HTTP dates.

https://hl7.org/fhir/R4/http.html#concurrency
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from fhir_server.errors import InvalidRequest

Versions: TypeAlias = frozenset[int] | Literal["*"]

_TAG = re.compile(r'(?:W/)?"([0-9]{1,9})"')
_STRONG: Final = re.compile(r'"([0-9]{1,9})"')
_WEAK: Final = re.compile(r'W/"([0-9]{1,9})"')
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def etag(version: int) -> bytes:
    """The ETag of version number `version`."""
    return b'W/"%d"' % version


def versions(header: str, name: str) -> Versions:
    """The versions that If-Match or If-None-Match (`name`) lists, or `*`. Raises InvalidRequest for another form."""
    if header.strip() == "*":
        return "*"
    tags = [_TAG.fullmatch(part.strip()) for part in header.split(",")]
    if any(tag is None for tag in tags):
        raise InvalidRequest(f'{name} is {header[:80]!r}. Send the ETag of a version, as in W/"3".')
    return frozenset(int(tag[1]) for tag in tags if tag)


def known_versions(header: str, *, strong: bool | None = None) -> Versions:
    """The versions that If-None-Match lists, or `*`; a tag that is not ours names no version here.

    Where `strong` is said, only strong tags count, or only weak ones.
    """
    if header.strip() == "*":
        return "*"
    form = _TAG if strong is None else _STRONG if strong else _WEAK
    return frozenset(int(tag[1]) for part in header.split(",") if (tag := form.fullmatch(part.strip())))


def http_date(moment: datetime) -> bytes:
    """`moment` as Last-Modified writes it, cut to the second."""
    return _http_date(int(moment.timestamp()))


def since(header: str) -> datetime | None:
    """The moment in If-Modified-Since, or None when it is not a date: RFC 9110 passes over those."""
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


@lru_cache(maxsize=1024)
def _http_date(second: int) -> bytes:
    moment = datetime.fromtimestamp(second, UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment:%d} {month} {moment:%Y %H:%M:%S} GMT".encode()
