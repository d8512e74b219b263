"""UCUM units: which texts are codes, and exact conversion between two of them.

https://ucum.org/ucum#section-Syntax-Rules
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from terminology.errors import InvalidUnit, NotConvertible

if TYPE_CHECKING:
    from pint import Unit
    from ucumvert import PintUcumRegistry


@dataclass(frozen=True, slots=True)
class Conversion:
    """`target = source * factor + offset`, in exact rational numbers."""

    source: str
    target: str
    factor: Fraction
    offset: Fraction = Fraction(0)

    @property
    def is_identity(self) -> bool:
        """Whether values stay as they are."""
        return self.factor == 1 and self.offset == 0

    def exact(self, value: int | Decimal) -> Fraction:
        """`value` in the target unit, exact."""
        return Fraction(value) * self.factor + self.offset

    def apply(self, value: int | Decimal) -> int | Decimal:
        """`value` in the target unit, rounded (half to even) no coarser than the step of its last digit.

        98.4 [degF] has steps of 0.1 [degF] = 0.056 Cel and becomes 36.89 Cel; 0.16 s becomes 160 ms. Converting back
        and rounding to the digits of `value` gives `value` again. The identity returns `value` itself.
        """
        if self.is_identity:
            return value
        exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
        assert isinstance(exponent, int)
        places = _places(self.factor, min(exponent, 0))
        scaled = round(self.exact(value) * Fraction(10) ** places)
        return scaled * 10**-places if places <= 0 else Decimal(scaled).scaleb(-places)


_EXACT: Final = (
    Conversion("[degF]", "Cel", Fraction(5, 9), Fraction(-160, 9)),
    Conversion("K", "Cel", Fraction(1), Fraction(-27315, 100)),
    Conversion("s", "ms", Fraction(1000)),
    Conversion("us", "ms", Fraction(1, 1000)),
    Conversion("Hz", "/min", Fraction(60)),
    Conversion("/s", "/min", Fraction(60)),
    Conversion("g", "kg", Fraction(1, 1000)),
    Conversion("[lb_av]", "kg", Fraction(45359237, 100000000)),
    Conversion("m", "cm", Fraction(100)),
    Conversion("[in_i]", "cm", Fraction(254, 100)),
    Conversion("kPa", "mm[Hg]", Fraction(10**6, 133322)),
    Conversion("L/s", "L/min", Fraction(60)),
    Conversion("L", "mL", Fraction(1000)),
    Conversion("min", "h", Fraction(1, 60)),
    Conversion("s", "h", Fraction(1, 3600)),
    Conversion("h", "min", Fraction(60)),
    Conversion("s", "min", Fraction(1, 60)),
    Conversion("cal", "kcal", Fraction(1, 1000)),
)
"""Written out so that no server loads a unit library to start; the tests prove each against ucumvert."""

_SPECIAL: Final = frozenset(
    [
        "[pH]",
        "Np",
        "B",
        "B[SPL]",
        "B[V]",
        "B[mV]",
        "B[uV]",
        "B[10.nV]",
        "B[W]",
        "B[kW]",
        "bit_s",
        "%[slope]",
        "[p'diop]",
        "[hp'_X]",
        "[hp'_C]",
        "[hp'_M]",
        "[hp'_Q]",
    ]
)
"""Units on scales that are not linear: logarithms, tangents, homeopathic potencies."""
_MISJUDGED: Final = frozenset(
    [
        "'",
        "''",
        "[Cal]",
        "cal_[15]",
        "[Btu]",
        "[in_i'H2O]",
        "[in_i'Hg]",
        "g%",
        "[LPF]",
        "[didot]",
        "[cicero]",
        "[cft_i]",
        "[cyd_i]",
        "[rd_br]",
        "[ch_br]",
        "[lk_br]",
    ]
)
"""Units whose size ucumvert has not as UCUM has: it reads `'`, a minute of arc, as one of time. None is converted."""


def is_ucum(code: str) -> bool:
    """Whether `code` is a case-sensitive UCUM code. The first call loads a parser (about 0.3 s)."""
    from ucumvert import InvalidUcumError, parse_ucum

    if not code or not code.isascii():
        return False
    try:
        parse_ucum(code, _parser())
    except InvalidUcumError:
        return False
    return True


@lru_cache(maxsize=256)
def conversion(source: str, target: str) -> Conversion:
    """How values in `source` become values in `target`.

    Equal and common units are answered at once; any other pair loads ucumvert (about 0.8 s, once). Raises InvalidUnit
    if one is no UCUM code, NotConvertible if they measure different things or the scale is not linear.
    """
    if source == target:
        return Conversion(source, target, Fraction(1))
    for known in _EXACT:
        if (known.source, known.target) == (source, target):
            return known
    return computed(source, target)


def computed(source: str, target: str) -> Conversion:
    """As `conversion`, always worked out by ucumvert and pint in rational numbers."""
    zero, one, ten = (_converted(value, source, target) for value in (0, 1, 10))
    factor = one - zero
    if ten != 10 * factor + zero:
        raise NotConvertible(f"{source} to {target} is not linear. Send {target}.")
    return Conversion(source, target, factor, zero)


def _converted(value: int, source: str, target: str) -> Fraction:
    from pint import DimensionalityError

    source_unit, target_unit = _unit(source), _unit(target)
    try:
        return Fraction(_registry().Quantity(Fraction(value), source_unit).to(target_unit).magnitude)
    except DimensionalityError as error:
        raise NotConvertible(f"{source} cannot become {target}: they measure different things.") from error


def _unit(code: str) -> "Unit":
    from lark.exceptions import VisitError
    from pint import UndefinedUnitError

    if not is_ucum(code):
        raise InvalidUnit(f"{code!r} is not a UCUM code. See https://ucum.org.")
    if not _is_sized(code):
        raise NotConvertible(f"{code} is not converted here. Send another unit.")
    try:
        unit: Unit = _registry().from_ucum(code).units  # ucumvert is untyped
    except (UndefinedUnitError, VisitError) as error:
        raise NotConvertible(f"{code} has no defined size. Send another unit.") from error
    return unit


def _is_sized(code: str) -> bool:
    """Whether the size of a UCUM code is known: `{score}` is words alone, and pint drops the 24 of `mg/(24.h)`."""
    from lark import Token
    from ucumvert import parse_ucum

    tree = parse_ucum(code, _parser())
    tokens = [each for each in tree.scan_values(lambda each: isinstance(each, Token)) if each != "1"]
    kinds = {each.type for each in tokens}
    if "FACTOR" in kinds or kinds == {"ANNOTATION"}:
        return False
    return _SPECIAL.isdisjoint(tokens) and _MISJUDGED.isdisjoint(tokens)


@lru_cache(maxsize=1)
def _parser() -> "object":
    from ucumvert import get_ucum_parser

    return get_ucum_parser()


@lru_cache(maxsize=1)
def _registry() -> "PintUcumRegistry":
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry(non_int_type=Fraction)


@lru_cache(maxsize=256)
def _places(factor: Fraction, exponent: int) -> int:
    """How many decimals have a step no coarser than 10^exponent * factor."""
    step = Fraction(10) ** exponent * abs(factor)
    places = 0
    while Fraction(10) ** -places > step:
        places += 1
    while Fraction(10) ** -(places - 1) <= step:
        places -= 1
    return places
