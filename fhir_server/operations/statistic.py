"""The statistics of R4, worked out from exact sums and from the values next to each percentile.

https://hl7.org/fhir/R4/codesystem-observation-statistics.html

Variance, standard deviation: of a sample (n - 1). Percentiles: the values at both sides, interpolated. Skew and kurtosis:
the third and fourth standardized moment (that of a normal distribution is 3). Regression: over hours since the period's
start. The reckoning is in rational numbers; only a square root is not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/observation-statistics"

Kind: TypeAlias = Literal["count", "value", "square", "ratio", "line"]

_EXACT: Final = Context(prec=1_200)  # the fourth power of the longest number that is stored
_MORE_PLACES: Final = 4  # decimals beyond those of the values
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Sums:
    """What the database adds up over one group of values.

    `powers` are the sums of the first to the fourth power; `x`, `xx` and `xy` those of the seconds since 1970, of
    which `origin` is the one that a line is told from; `nearby` the sorted values at both sides of each fraction of `FRACTIONS`; `scale` the decimals of the values.
    """

    total: int
    count: int
    least: Decimal | None = None
    most: Decimal | None = None
    powers: tuple[Decimal | None, ...] = (None, None, None, None)
    x: Decimal | None = None
    xx: Decimal | None = None
    xy: Decimal | None = None
    origin: Decimal = Decimal(0)
    nearby: tuple[tuple[Decimal | None, Decimal | None], ...] = ()
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Statistic:
    """A code of the system.

    `kind` says what comes of it: a number of things, a value in the unit of the values, one in that unit squared, a plain
    ratio, or the two numbers of a line.
    """

    code: str
    display: str
    kind: Kind
    of: "Callable[[Sums], tuple[Decimal | None, ...]]"


FRACTIONS: Final = (
    Fraction(1, 2), Fraction(1, 5), Fraction(4, 5), Fraction(1, 4), Fraction(3, 4), Fraction(2, 5), Fraction(3, 5),
)  # fmt: skip


def _mean(sums: Sums) -> Fraction | None:
    return Fraction(sums.powers[0]) / sums.count if sums.count and sums.powers[0] is not None else None


def _variance(sums: Sums) -> Fraction | None:
    moment = _moment(sums, 2)
    return None if moment is None or sums.count < 2 else moment * sums.count / (sums.count - 1)


def _moment(sums: Sums, order: int) -> Fraction | None:
    """The central moment of that order, by the binomial theorem from the sums of the powers."""
    mean = _mean(sums)
    if mean is None:
        return None
    raw = [Fraction(1), *(Fraction(one or 0) / sums.count for one in sums.powers)]
    binomial, found = 1, Fraction(0)
    for power in range(order, -1, -1):
        found += binomial * raw[power] * (-mean) ** (order - power)
        binomial = binomial * power // (order - power + 1)
    return found


def _percentile(sums: Sums, fraction: Fraction) -> Fraction | None:
    if not sums.count:
        return None
    below, above = sums.nearby[FRACTIONS.index(fraction)]
    if below is None or above is None:
        return None
    place = (sums.count - 1) * fraction
    return Fraction(below) + (Fraction(above) - Fraction(below)) * (place - place.__floor__())


def _rounded(value: Fraction | None, places: int) -> Decimal | None:
    if value is None:
        return None
    exact = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return _shortened(exact, places)


def _shortened(value: Decimal, places: int) -> Decimal:
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, _EXACT).normalize(_EXACT)
    return rounded.quantize(Decimal(1), context=_EXACT) if _is_whole(rounded) else rounded


def _as_given(value: Decimal | None, sums: Sums) -> Decimal | None:
    """A value with the digits it has, but for those that a conversion made."""
    if value is None:
        return None
    exponent, places = value.as_tuple().exponent, _places(sums)
    return _shortened(value, places) if isinstance(exponent, int) and exponent < -places else value


def _is_whole(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= 0


def _places(sums: Sums) -> int:
    return sums.scale + _MORE_PLACES


def _count(sums: Sums) -> tuple[Decimal | None, ...]:
    return (Decimal(sums.count),)


def _total_count(sums: Sums) -> tuple[Decimal | None, ...]:
    return (Decimal(sums.total),)


def _minimum(sums: Sums) -> tuple[Decimal | None, ...]:
    return (_as_given(sums.least, sums),)


def _maximum(sums: Sums) -> tuple[Decimal | None, ...]:
    return (_as_given(sums.most, sums),)


def _sum(sums: Sums) -> tuple[Decimal | None, ...]:
    return (_as_given(sums.powers[0], sums) if sums.count else None,)


def _average(sums: Sums) -> tuple[Decimal | None, ...]:
    return (_rounded(_mean(sums), _places(sums)),)


def _sample_variance(sums: Sums) -> tuple[Decimal | None, ...]:
    return (_rounded(_variance(sums), _places(sums)),)


def _deviation(sums: Sums) -> tuple[Decimal | None, ...]:
    return (_root(_variance(sums), _places(sums)),)


def _root(value: Fraction | None, places: int) -> Decimal | None:
    if value is None:
        return None
    exact = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return _shortened(_EXACT.sqrt(exact), places)


def _quartile_deviation(sums: Sums) -> tuple[Decimal | None, ...]:
    lower, upper = _percentile(sums, Fraction(1, 4)), _percentile(sums, Fraction(3, 4))
    half = None if lower is None or upper is None else (upper - lower) / 2
    return (_rounded(half, _places(sums)),)


def _standardized(sums: Sums, order: int) -> Decimal | None:
    """The moment over the standard deviation to that power; none where all values are the same."""
    second, moment = _moment(sums, 2), _moment(sums, order)
    if second is None or moment is None or second == 0:
        return None
    if order % 2 == 0:
        return _rounded(moment / second ** (order // 2), 6)
    squared = _root(moment**2 / second**order, 12)
    return None if squared is None else _shortened(squared if moment >= 0 else -squared, 6)


def _skew(sums: Sums) -> tuple[Decimal | None, ...]:
    return (_standardized(sums, 3),)


def _kurtosis(sums: Sums) -> tuple[Decimal | None, ...]:
    return (_standardized(sums, 4),)


def _regression(sums: Sums) -> tuple[Decimal | None, ...]:
    """The gradient per hour, then the value at the origin; none where there is but one moment."""
    mean = _mean(sums)
    if mean is None:
        return None, None
    x, xx, xy = (Fraction(one or 0) for one in (sums.x, sums.xx, sums.xy))
    spread = xx - x * x / sums.count
    if spread == 0:
        return None, None
    gradient = (xy - x * mean) / spread
    intercept = mean + gradient * (Fraction(sums.origin) - x / sums.count)
    return _rounded(gradient * _HOUR, _places(sums)), _rounded(intercept, _places(sums))


def _at(fraction: Fraction) -> Callable[[Sums], tuple[Decimal | None, ...]]:
    return lambda sums: (_rounded(_percentile(sums, fraction), _places(sums)),)


_ALL: Final = (
    Statistic("average", "Average", "value", _average),
    Statistic("maximum", "Maximum", "value", _maximum),
    Statistic("minimum", "Minimum", "value", _minimum),
    Statistic("count", "Count", "count", _count),
    Statistic("total-count", "Total Count", "count", _total_count),
    Statistic("median", "Median", "value", _at(Fraction(1, 2))),
    Statistic("std-dev", "Standard Deviation", "value", _deviation),
    Statistic("sum", "Sum", "value", _sum),
    Statistic("variance", "Variance", "square", _sample_variance),
    Statistic("20-percent", "20th Percentile", "value", _at(Fraction(1, 5))),
    Statistic("80-percent", "80th Percentile", "value", _at(Fraction(4, 5))),
    Statistic("4-lower", "Lower Quartile", "value", _at(Fraction(1, 4))),
    Statistic("4-upper", "Upper Quartile", "value", _at(Fraction(3, 4))),
    Statistic("4-dev", "Quartile Deviation", "value", _quartile_deviation),
    Statistic("5-1", "1st Quintile", "value", _at(Fraction(1, 5))),
    Statistic("5-2", "2nd Quintile", "value", _at(Fraction(2, 5))),
    Statistic("5-3", "3rd Quintile", "value", _at(Fraction(3, 5))),
    Statistic("5-4", "4th Quintile", "value", _at(Fraction(4, 5))),
    Statistic("skew", "Skew", "ratio", _skew),
    Statistic("kurtosis", "Kurtosis", "ratio", _kurtosis),
    Statistic("regression", "Regression", "line", _regression),
)

STATISTICS: Final[Mapping[str, Statistic]] = MappingProxyType({one.code: one for one in _ALL})
"""By code, in R4's order."""

SORTED: Final = frozenset(
    {"median", "20-percent", "80-percent", "4-lower", "4-upper", "4-dev", "5-1", "5-2", "5-3", "5-4"}
)
"""Those that need the values in order."""
