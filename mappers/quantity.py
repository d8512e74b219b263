"""One number of one field: plausible and in the metric's own unit, or why not.

https://hl7.org/fhir/R4/datatypes.html#Quantity
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias, cast

from mappers.metric import Limits, Scale
from mappers.reading import FieldValue, MappingIssue
from mappers.rule import FieldRule
from terminology import systems

Number: TypeAlias = int | Decimal
Comparator = Literal["<", "<=", ">", ">="]

MAX_DIGITS: Final = 40
"""No measurement has more; what has, costs memory to convert."""
_BEYOND: Final = 10**MAX_DIGITS
_BOUND: Final = re.compile(r"(<=|>=|<|>)\s?(\d{1,12}(?:\.\d{1,12})?)", re.ASCII)

_NUMBER: Final = "a number, without quotation marks"
_NUMBER_OR_BOUND: Final = 'a number, or beyond what the device can measure its limit, as ">600" or "<20"'


@dataclass(frozen=True, slots=True)
class Bound:
    """A value beyond what the device can measure: only on which side of `limit` it lies is known."""

    comparator: Comparator
    limit: Number


def measured(
    rule: FieldRule, scale: Scale, name: str, value: FieldValue, unit: str | None
) -> Number | Bound | MappingIssue:
    """`value` in the unit of `scale`, the rule's, or an issue that names the field and says what to send instead.

    `unit` is what the device sent beside the value, None where it relies on its profile. Nothing is guessed: a text,
    a boolean, a value that is not finite, implausible or in an unknown unit is an issue.
    """
    if rule.bounded and isinstance(value, str) and (bound := _BOUND.fullmatch(value)):
        limit = _converted(rule, scale, name, Decimal(bound[2]), unit)
        if isinstance(limit, MappingIssue):
            return limit
        return _beyond(scale, name, value, Bound(cast("Comparator", bound[1]), limit))
    number = _finite(name, value, _NUMBER_OR_BOUND if rule.bounded else _NUMBER)
    if isinstance(number, MappingIssue):
        return number
    converted = _converted(rule, scale, name, number, unit)
    if isinstance(converted, MappingIssue):
        return converted
    if scale.whole and rule.summary is None and converted % 1:
        return MappingIssue(
            "value", name, f"{name} {number} is no whole number, and is counted in whole ones."
        )
    return _plausible(scale, name, number, converted)


def quantity(value: Number | Bound, scale: Scale) -> dict[str, object]:
    """The FHIR Quantity of `value`, which is in the unit of `scale`."""
    if isinstance(value, Bound):
        return {"value": value.limit, "comparator": value.comparator, **_unit(scale)}
    return {"value": value, **_unit(scale)}


def _unit(scale: Scale) -> dict[str, object]:
    return {"unit": scale.human, "system": systems.UCUM, "code": scale.unit}


def _finite(name: str, value: FieldValue, wanted: str) -> Number | MappingIssue:
    if type(value) is int:
        if -_BEYOND < value < _BEYOND:
            return value
        text = f"{name} has more than {MAX_DIGITS} digits. Send a number of that length at most."
    elif isinstance(value, Decimal):
        if value.is_finite() and abs(value.adjusted()) <= MAX_DIGITS and len(str(value)) <= MAX_DIGITS + 6:
            return value
        text = f"{name} is {str(value)[:40]}. Send a finite number of at most {MAX_DIGITS} digits."
    elif isinstance(value, str):
        text = f"{name} is the text {value[:40]!r}. Send {wanted}."
    else:
        text = f"{name} is {str(value).lower()[:40]}. Send a number."
    return MappingIssue("value", name, text)


def _converted(
    rule: FieldRule, scale: Scale, name: str, number: Number, unit: str | None
) -> Number | MappingIssue:
    source = rule.unit if unit is None else rule.unit_names.get(unit, unit)
    if source is None:
        text = f"{name} {number} has no unit. Send one of {', '.join(scale.accepts)}."
        return MappingIssue("required", name, text)
    convert = rule.conversions.get(source)
    if convert is None:
        text = f"{name} has the unit {(unit or source)[:40]!r}, which is not one of {', '.join(rule.conversions)}."
        return MappingIssue("code-invalid", name, text)
    return convert.apply(number)


def _beyond(scale: Scale, name: str, sent: str, bound: Bound) -> Bound | MappingIssue:
    """The bound, if its limit is one that such devices have: no suspicion of a value tells anything of a limit."""
    declared = scale.below if bound.comparator.startswith("<") else scale.above
    limits = declared or Limits(scale.low, scale.high)
    if limits.low <= bound.limit <= limits.high:
        return Bound(bound.comparator, _positional(bound.limit))
    text = (
        f"{name} {sent} has a limit outside {limits.low} to {limits.high} {scale.unit}, which may be in another unit. "
        "It was not stored."
    )
    return MappingIssue("value", name, text)


def _plausible(scale: Scale, name: str, sent: Number, value: Number) -> Number | MappingIssue:
    if scale.low <= value <= scale.high:
        return _positional(value)
    for suspect in scale.suspects:
        if suspect.low <= value <= suspect.high:
            return MappingIssue("value", name, f"{name} {sent}: {suspect.means}. It was not stored.")
    text = f"{name} {sent} is outside {scale.low} to {scale.high} {scale.unit}. It was not stored."
    return MappingIssue("value", name, text)


def _positional(value: Number) -> Number:
    """9.8E+1 is 98: a plausible value needs no exponent, and JSON readers differ over it."""
    if isinstance(value, Decimal) and "E" in str(value):
        return Decimal(format(value, "f"))
    return value
