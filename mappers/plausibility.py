"""What must hold between the values of one reading.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from mappers.reading import MappingIssue

Number: TypeAlias = int | Decimal
Values: TypeAlias = Mapping[str, Number]
Names: TypeAlias = Mapping[str, str]

MEAN_TOLERANCE: Final = 20
RATE_TOLERANCE: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Check:
    """A rule over the metrics in `needs`, all of which must be present for it to apply."""

    needs: tuple[str, ...]
    issues: Callable[[Values, Names], Iterator[MappingIssue]]


def checks_for(metric_keys: frozenset[str]) -> tuple[Check, ...]:
    """The checks that can apply to readings of these metrics."""
    return tuple(check for check in CHECKS if metric_keys.issuperset(check.needs))


def cross_issues(checks: tuple[Check, ...], values: Values, names: Names) -> Iterator[MappingIssue]:
    """What breaks the rules between `values`, by metric key; `names` gives the device's name for each metric."""
    for check in checks:
        if all(key in values for key in check.needs):
            yield from check.issues(values, names)


def _pulse_pressure(values: Values, names: Names) -> Iterator[MappingIssue]:
    systolic, diastolic = values["systolic-pressure"], values["diastolic-pressure"]
    if systolic <= diastolic:
        yield MappingIssue(
            "invariant",
            names["systolic-pressure"],
            f"{names['systolic-pressure']} {systolic} is not above {names['diastolic-pressure']} {diastolic}."
            " Check that they are not swapped.",
        )


def _mean_pressure(values: Values, names: Names) -> Iterator[MappingIssue]:
    systolic, diastolic = values["systolic-pressure"], values["diastolic-pressure"]
    mean, name = values["mean-pressure"], names["mean-pressure"]
    if not diastolic <= mean <= systolic:
        yield MappingIssue(
            "invariant",
            name,
            f"{name} {mean} is not between diastolic {diastolic} and systolic {systolic}. Check the fields.",
        )
    elif abs(Decimal(3) * mean - 2 * diastolic - systolic) > 3 * MEAN_TOLERANCE:
        yield MappingIssue(
            "business-rule",
            name,
            f"{name} {mean} is more than {MEAN_TOLERANCE} from what {systolic}/{diastolic} suggests.",
            "warning",
        )


def _qt_below_rr(values: Values, names: Names) -> Iterator[MappingIssue]:
    qt, rr = values["qt-interval"], values["rr-interval"]
    if qt >= rr:
        name = names["qt-interval"]
        yield MappingIssue(
            "business-rule", name, f"{name} {qt} is not below the RR interval {rr}.", "warning"
        )


def _rate_fits_rr(values: Values, names: Names) -> Iterator[MappingIssue]:
    rate, rr = values["heart-rate-ecg"], values["rr-interval"]
    expected = Decimal(60000) / rr
    if abs(rate - expected) > expected * RATE_TOLERANCE:
        name = names["heart-rate-ecg"]
        text = f"{name} {rate} is more than 10 % from the {expected:.0f} that the RR interval {rr} gives."
        yield MappingIssue("business-rule", name, text, "warning")


def _in_above_out(values: Values, names: Names) -> Iterator[MappingIssue]:
    ipap, epap = values["ipap-set"], values["epap-set"]
    if ipap < epap:
        name = names["ipap-set"]
        text = f"{name} {ipap} is below {names['epap-set']} {epap}. Check that they are not swapped."
        yield MappingIssue("invariant", name, text)


def _lowest_below_highest(values: Values, names: Names) -> Iterator[MappingIssue]:
    lowest, highest = values["pap-pressure-minimum-set"], values["pap-pressure-maximum-set"]
    if lowest > highest:
        name, other = names["pap-pressure-minimum-set"], names["pap-pressure-maximum-set"]
        text = f"{name} {lowest} is above {other} {highest}. Check that they are not swapped."
        yield MappingIssue("invariant", name, text)


CHECKS: Final = (
    Check(("systolic-pressure", "diastolic-pressure"), _pulse_pressure),
    Check(("systolic-pressure", "diastolic-pressure", "mean-pressure"), _mean_pressure),
    Check(("qt-interval", "rr-interval"), _qt_below_rr),
    Check(("heart-rate-ecg", "rr-interval"), _rate_fits_rr),
    Check(("ipap-set", "epap-set"), _in_above_out),
    Check(("pap-pressure-minimum-set", "pap-pressure-maximum-set"), _lowest_below_highest),
)
"""Every rule between values, in the order it is reported."""
