"""The order of two dates or times of any precision.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from datetime import datetime

_LENGTH_OF_A_DAY = len("2024-02-29")


def is_before(later: object, earlier: object) -> bool:
    """Whether the value that should be later certainly lies before the other; False where precision leaves it open."""
    if not isinstance(later, str) or not isinstance(earlier, str):
        return False
    if "T" in later and "T" in earlier:
        return _moment(later) < _moment(earlier)
    length = min(len(later), len(earlier), _LENGTH_OF_A_DAY)
    return later[:length] < earlier[:length]


def _moment(text: str) -> tuple[float, str]:
    """Whole seconds since 1970, then the digits of the fraction, which order like numbers without trailing zeros."""
    whole = text.replace(":60", ":59")  # a leap second
    seconds, point, rest = whole.partition(".")
    digits = rest.rstrip("Z").split("+")[0].split("-")[0] if point else ""
    zone = rest[len(digits) :] if point else ""
    return datetime.fromisoformat(f"{seconds}{zone}").timestamp(), digits.rstrip("0")
