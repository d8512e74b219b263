"""A strip of a signal, as SampledData: real-time sample arrays (RTSA) of the guide.

https://hl7.org/fhir/R4/datatypes.html#SampledData
"""

import re
from typing import Final

from ingest.decoders.members import Members
from mappers.metric import Metric
from mappers.personal_health import Sampled
from mappers.quantity import MAX_DIGITS
from mappers.waveform import KEPT_AS_FILE
from terminology import systems

_LONGEST: Final = 400_000
_DATA: Final = re.compile(
    r"(?:-?[0-9]{1,12}(?:\.[0-9]{1,12})?|[EUL])(?: (?:-?[0-9]{1,12}(?:\.[0-9]{1,12})?|[EUL]))*"
)


def sampled_data(observation: Members, row: Metric) -> Sampled | None:
    """The samples of the signal `row`, in its own unit; None with an issue for what cannot be stored."""
    assert row.signal is not None, "asked of signals only"
    strip = observation.object("valueSampledData", required=True)
    if strip is None:
        return None
    origin = strip.object("origin", required=True)
    kept: dict[str, object] = {}
    if origin is not None:
        value = origin.number("value", required=True)
        origin.choice("system", (systems.UCUM,), required=True)
        origin.choice("code", (row.signal.unit,), required=True)
        origin.text("unit")
        origin.close()
        unit = {"unit": row.signal.human, "system": systems.UCUM, "code": row.signal.unit}
        kept["origin"] = {"value": value, **unit}
    _numbers(strip, kept)
    data = strip.text("data", required=True, longest=_LONGEST)
    if data is not None and (_DATA.fullmatch(data) is None or data.count(" ") >= KEPT_AS_FILE):
        strip.refuse("data", f"is not 1 to {KEPT_AS_FILE} numbers, E, U or L with one space between.")
    strip.close()
    return Sampled(row.key, {**kept, "data": data})


def _numbers(strip: Members, kept: dict[str, object]) -> None:
    for name in ("period", "factor", "lowerLimit", "upperLimit"):
        number = strip.number(name, required=name == "period")
        if number is None:
            continue
        if len(str(number)) > MAX_DIGITS or (name == "period" and number <= 0):
            strip.refuse(name, "is no such number. Send a shorter one, and a positive period.")
        kept[name] = number
    if strip.number("dimensions", required=True) not in {None, 1}:
        strip.refuse("dimensions", "is not 1: only one signal at a time is taken.", "not-supported")
    kept["dimensions"] = 1
