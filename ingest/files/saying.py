"""What is said beside a file, as people write it: zone, patient, mapping, start.

docs/ingest.md, "Files"
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from ingest.errors import InvalidParameter
from ingest.files.format import Saying

_OFFSET: Final = re.compile(r"([+-])([01][0-9]):([0-5][0-9])")
_PATIENT: Final = re.compile(r"(Patient/)?[A-Za-z0-9\-.]{1,64}")


def saying(said: Mapping[str, str]) -> Saying:
    """What the texts under these names say; raises InvalidParameter, naming the one that says nothing."""
    zone = _zone(said.get("zone", "Z"))
    return Saying(zone, _patient(said.get("patient")), said.get("mapping"), _start(said.get("start"), zone))


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise InvalidParameter(f"zone {text[:40]!r} is no offset from UTC. Write +01:00, or Z.", "zone")
    sign, hours, minutes = match.groups()
    return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))


def _patient(text: str | None) -> str | None:
    if text is not None and _PATIENT.fullmatch(text) is None:
        raise InvalidParameter(
            f"patient {text[:80]!r} is no id of a Patient. Write p1, or Patient/p1.", "patient"
        )
    return text


def _start(text: str | None, zone: timezone) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidParameter(
            f"start {text[:40]!r} is no time. Write 2026-01-31T22:00:00.", "start"
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)
