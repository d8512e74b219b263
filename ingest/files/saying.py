"""What is said beside a file, as people write it: zone, patient, mapping, start.

docs/ingest.md, "Files"
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from ingest.errors import InvalidParameter
from ingest.files.format import Saying
from mappers.errors import InvalidTime
from mappers.times import in_zone

_OFFSET: Final = re.compile(r"([+-])([01][0-9]):([0-5][0-9])")
_PATIENT: Final = re.compile(r"(Patient/)?[A-Za-z0-9\-.]{1,64}")


def saying(said: Mapping[str, str]) -> Saying:
    """What the texts under these names say; raises InvalidParameter, naming the one that says nothing."""
    zone = _zone(said.get("zone", "Z"))
    return Saying(
        zone=zone,
        patient=_patient(said.get("patient")),
        mapping=said.get("mapping"),
        start=_start(said.get("start"), zone),
        corrects_zone=_is_said(said, "correct-zone"),
        again=_is_said(said, "again"),
    )


def _zone(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    if text in _names():
        return ZoneInfo(text)
    match = _OFFSET.fullmatch(text)
    if match is None:
        note = (
            f"zone {text[:40]!r} is no offset from UTC and no time zone. Write +01:00, Z, or Europe/Berlin."
        )
        raise InvalidParameter(note, "zone")
    sign, hours, minutes = match.groups()
    return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))


@cache
def _names() -> frozenset[str]:
    """The names of time zones that say where: abbreviations (EST) mean an offset to some, and a zone to others."""
    return frozenset(name for name in available_timezones() if "/" in name)


def _is_said(said: Mapping[str, str], name: str) -> bool:
    text = said.get(name)
    if text not in (None, "true", "false"):
        raise InvalidParameter(f"{name} {text[:40]!r} is neither true nor false.", name)
    return text == "true"


def _patient(text: str | None) -> str | None:
    if text is not None and _PATIENT.fullmatch(text) is None:
        raise InvalidParameter(
            f"patient {text[:80]!r} is no id of a Patient. Write p1, or Patient/p1.", "patient"
        )
    return text


def _start(text: str | None, zone: tzinfo) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo is not None else in_zone(found, zone, "start")
    except InvalidTime as error:
        raise InvalidParameter(error.text, "start") from error
    except ValueError as error:
        raise InvalidParameter(
            f"start {text[:40]!r} is no time. Write 2026-01-31T22:00:00.", "start"
        ) from error
