"""Which metric an MDC code (IEEE 11073-10101) is: of a device type, and of the registry.

https://hl7.org/fhir/R4/mdc.html; ADR 0005
"""

from functools import cache
from typing import Final

from mappers.metric import Metric
from mappers.metrics import metrics
from mappers.profile import DeviceProfile
from mappers.rule import FieldRule
from terminology import systems
from terminology.service import Coding

TWO_FAMILIES: Final = range(8410944, 8411136)
"""Pressure, leak and rate of sleep apnea devices have two numbers each in circulation, so that a number alone says nothing."""


def rule_of(profile: DeviceProfile, number: str) -> FieldRule | None:
    """The field of `profile` that measures what `number` stands for, None if it measures no such thing.

    A field that sums up is not meant: the number does not say so.
    """
    for rule in profile.rules:
        if rule.summary is None and any(
            number == mdc_of(each.metric) for each in (rule, *rule.by_unit.values())
        ):
            return rule
    return None


@cache
def row_of(number: str) -> Metric | None:
    """The first row of the registry with this number, None if there is none."""
    return next((each for each in metrics().values() if number == mdc_of(each)), None)


def mdc_of(metric: Metric) -> str | None:
    """The MDC number of `metric`, None where it has none."""
    return next((each.code for each in metric.codings if each.system == systems.MDC), None)


def contradiction(metric: Metric, codings: tuple[Coding, ...]) -> str | None:
    """Why `codings`, sent of one measurement, cannot all be `metric`; None if they can.

    A LOINC code beside the number must be one of the metric's own. In the block where two families of numbers are in
    circulation the reference id must be there and agree.
    """
    own = {(each.system, each.code): each for each in metric.codings}
    for sent in codings:
        if sent.system == systems.LOINC and (sent.system, sent.code) not in own:
            return f"LOINC {sent.code} is not {metric.text.lower()}, which the MDC code beside it is"
        row = own.get((sent.system, sent.code))
        if sent.system == systems.MDC and row is not None and _unsure(row, sent):
            return f"MDC {sent.code} stands for more than one measurement, and its reference id does not say which"
    return None


def _unsure(row: Coding, sent: Coding) -> bool:
    if int(row.code) not in TWO_FAMILIES:
        return sent.display is not None and row.display is not None and _other_id(row.display, sent.display)
    return row.display is None or sent.display != row.display


def _other_id(known: str, sent: str) -> bool:
    """Whether what was sent is a reference id, and another one; any other display is wording."""
    return sent.startswith("MDC_") and sent != known
