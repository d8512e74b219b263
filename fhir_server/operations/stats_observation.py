"""The statistics of one group of values as an Observation, each a component.

https://hl7.org/fhir/R4/observation-operation-stats.html
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from fhir_server.json import JsonObject, JsonValue
from fhir_server.operations.measured import UCUM, Coding
from fhir_server.operations.statistic import SYSTEM, Statistic
from fhir_server.operations.sums import Group

_NOTHING: Final[JsonObject] = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
            "code": "not-applicable",
            "display": "Not Applicable",
        }
    ]
}
_LAST: Final = timedelta(milliseconds=1)


def observation(
    subject: str,
    asked: Coding,
    group: Group,
    statistics: Sequence[Statistic],
    period: JsonObject | None,
    zone: ZoneInfo,
) -> JsonObject:
    """The Observation of `group`, about the code `asked` or, of a panel, about one of its own.

    `period` is the time asked for, and stands for the group where that has no stretch of its own.
    """
    tree: JsonObject = {
        "resourceType": "Observation",
        "status": "final",
        "code": group.code
        or {"coding": [{name: text for name, text in asked._asdict().items() if text is not None}]},
        "subject": {"reference": subject},
    }
    found = _period(group, period, zone)
    if found is not None:
        tree["effectivePeriod"] = found
    components: list[JsonValue] = [part for one in statistics for part in _components(one, group)]
    return tree | {"component": components}


def _period(group: Group, period: JsonObject | None, zone: ZoneInfo) -> JsonObject | None:
    if group.stretch is not None:
        start, till = group.stretch
        return {"start": _written(start, zone), "end": _written(till - _LAST, zone)}
    if period is not None or group.first is None or group.last is None:
        return period
    return {"start": _written(group.first, zone), "end": _written(group.last, zone)}


def _written(moment: datetime, zone: ZoneInfo) -> str:
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        local = moment
    return local.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _components(statistic: Statistic, group: Group) -> Iterator[JsonObject]:
    numbers = statistic.of(group.sums)
    coding: JsonObject = {"system": SYSTEM, "code": statistic.code, "display": statistic.display}
    names = ("gradient", "intercept") if statistic.kind == "line" else ("",)
    for name, number in zip(names, numbers, strict=True):
        code: JsonObject = {"coding": [coding]}
        if name:
            code["text"] = f"Regression: {name}"
        if number is None:
            yield {"code": code, "dataAbsentReason": _NOTHING}
        elif statistic.kind == "count":
            yield {"code": code, "valueInteger": int(number)}
        else:
            yield {"code": code, "valueQuantity": _quantity(statistic, name, number, group.unit or "1")}


def _quantity(statistic: Statistic, name: str, number: Decimal, unit: str) -> JsonObject:
    """The number in the unit of the values where it has that; what it is squared or per hour is told in words."""
    if statistic.kind == "square":
        return {"value": number, "unit": f"({unit})²"}
    if name == "gradient":
        return {"value": number, "unit": f"({unit}) per hour"}
    if statistic.kind == "ratio":
        unit = "1"
    return {"value": number, "unit": unit, "system": UCUM, "code": unit}
