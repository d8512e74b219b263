"""A UCUM unit in base units: what it measures, and how its values become values in base units.

https://ucum.org/ucum#section-Semantics

The tables and the grammar are UCUM's own, as ucumvert brings them; the sizes are worked out here, in rational numbers, because
pint's differ where it matters: its mmHg is not UCUM's, and an international unit, a radian and a per cent are one to it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from terminology.frequent_units import FREQUENT

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lark import Lark, Token, Tree

LONGEST: Final = 100  # characters of a code that is worked out
_HIGHEST: Final = 40  # exponent
_MOST_DIGITS: Final = 200  # of a factor

_NAMESPACE: Final = "{http://unitsofmeasure.org/ucum-essence}"


@dataclass(frozen=True, slots=True)
class Canonical:
    """`(value * factor + shift) / divisor` is in the base units that `dimension` names; the three are whole numbers."""

    dimension: str
    factor: Decimal
    shift: Decimal
    divisor: Decimal


@dataclass(frozen=True, slots=True)
class _Size:
    """So many of a product of base units: their exponents by name."""

    factor: Fraction
    exponents: Mapping[str, int]

    def __mul__(self, other: "_Size") -> "_Size":
        return self._times(other, 1)

    def __truediv__(self, other: "_Size") -> "_Size":
        return self._times(other, -1)

    def __pow__(self, exponent: int) -> "_Size":
        if abs(exponent) > _HIGHEST:
            raise _Unsized
        return _Size(
            self.factor**exponent, {name: power * exponent for name, power in self.exponents.items()}
        )

    def _times(self, other: "_Size", sign: int) -> "_Size":
        exponents = Counter(self.exponents)
        for name, power in other.exponents.items():
            exponents[name] += sign * power
        return _Size(
            self.factor * other.factor**sign, {name: power for name, power in exponents.items() if power}
        )


class _Unsized(ValueError):
    """The unit has no size in base units: its scale is no straight line, or it is out of all bounds."""


_ONE: Final = _Size(Fraction(1), {})

# an amount of substance is a base unit here and not 6.02e23: nobody asks for 5 mmol/L to find cells per litre
_BASE: Final = frozenset({"m", "s", "g", "rad", "K", "C", "cd", "mol"})

# scales with a zero of their own: size of a degree and value of zero, in K
_TEMPERATURES: Final = MappingProxyType(
    {
        "Cel": (Fraction(1), Fraction(27315, 100)),
        "[degF]": (Fraction(5, 9), Fraction(45967, 100) * Fraction(5, 9)),
        "[degRe]": (Fraction(5, 4), Fraction(27315, 100)),
    }
)


@lru_cache(maxsize=4096)
def canonical(code: str) -> Canonical | None:
    """What `code` is in base units; None when UCUM does not have it, or its scale is none of straight lines.

    Units in common use are answered at once; any other loads ucumvert's parser (about 0.3 s, once).
    """
    if code in FREQUENT:
        dimension, *numbers = FREQUENT[code]
        return Canonical(dimension, *map(Decimal, numbers))
    return computed(code)


def computed(code: str) -> Canonical | None:
    """As `canonical`, always worked out from UCUM's tables."""
    if code in _TEMPERATURES:
        return _whole("K1", *_TEMPERATURES[code])
    try:
        size = _parsed(code)
    except _Unsized:
        return None
    return _whole(_dimension(size), size.factor, Fraction(0))


def _whole(dimension: str, factor: Fraction, shift: Fraction) -> Canonical | None:
    divisor = lcm(factor.denominator, shift.denominator)
    numbers = [int(number * divisor) for number in (factor, shift)] + [divisor]
    if max(map(abs, numbers)) >= 10**_MOST_DIGITS:
        return None
    return Canonical(dimension, *map(Decimal, numbers))


def _dimension(size: _Size) -> str:
    """The base units with their exponents, in alphabetical order; `1` for a plain number."""
    return ".".join(f"{name}{power}" for name, power in sorted(size.exponents.items())) or "1"


def _parsed(code: str) -> _Size:
    from lark.exceptions import LarkError

    if not 0 < len(code) <= LONGEST or not code.isascii():
        raise _Unsized
    try:
        return _size(_parser().parse(code))
    except (LarkError, RecursionError) as error:
        raise _Unsized from error


def _size(node: "Tree[Token] | Token") -> _Size:
    from lark import Token

    if isinstance(node, Token):  # an annotation
        return _ONE
    match node.data:
        case "simple_unit":
            return _simple([str(part) for part in node.children], [part.type for part in node.children])  # type: ignore[union-attr] # all tokens
        case "annotatable":
            return _size(node.children[0]) ** int(str(node.children[1]))
        case "component":
            return _size(node.children[0])
    return _product(node.children)


def _product(parts: "list[Tree[Token] | Token]") -> _Size:
    """`a`, `/a`, `a.b` or `a/b`."""
    match len(parts):
        case 1:
            return _size(parts[0])
        case 2:
            return _ONE / _size(parts[1])
    left, right = _size(parts[0]), _size(parts[2])
    return left / right if str(parts[1]) == "/" else left * right


def _simple(parts: list[str], kinds: list[str]) -> _Size:
    if kinds == ["FACTOR"]:
        return _Size(Fraction(int(parts[0])), {})
    *prefix, atom = parts
    scale = Fraction(_prefixes()[prefix[0]]) if prefix else Fraction(1)
    return _Size(scale, {}) * _atom(atom)


@lru_cache(maxsize=512)
def _atom(code: str) -> _Size:
    if code in _BASE:
        return _Size(Fraction(1), {code: 1})
    unit = _units()[code]
    value = unit.find(f"{_NAMESPACE}value")
    if unit.get("isSpecial") or value is None:
        raise _Unsized
    definition = value.attrib["Unit"]
    if unit.get("isArbitrary") and definition == "1":
        return _Size(Fraction(1), {code: 1})
    return _Size(Fraction(value.attrib["value"]), {}) * _parsed(definition)


@lru_cache(maxsize=1)
def _parser() -> "Lark":
    from ucumvert import get_ucum_parser

    parser: Lark = get_ucum_parser()  # ucumvert is untyped
    return parser


@lru_cache(maxsize=1)
def _essence() -> "Element":
    """UCUM's own table of units."""
    from importlib.resources import files
    from xml.etree import ElementTree as ET

    text = files("ucumvert").joinpath("vendor/ucum-essence.xml").read_bytes()
    return ET.fromstring(text)  # noqa: S314 - a file of the installed package


@lru_cache(maxsize=1)
def _units() -> "dict[str, Element]":
    return {unit.attrib["Code"]: unit for unit in _essence().iter(f"{_NAMESPACE}unit")}


@lru_cache(maxsize=1)
def _prefixes() -> dict[str, str]:
    return {
        prefix.attrib["Code"]: value.attrib["value"]
        for prefix in _essence().iter(f"{_NAMESPACE}prefix")
        for value in prefix.iter(f"{_NAMESPACE}value")
    }
