"""The size and dimension of every unit, worked out from UCUM's own table: a second opinion on the library's.

https://ucum.org/docs/ucum-essence
"""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from fractions import Fraction
from pathlib import Path

import ucumvert

_NS = "{http://unitsofmeasure.org/ucum-essence}"
_SIGNS = re.compile(r"[./()]|(?:\[[^\]]*\]|[^./()\[])+")
_SIMPLE = re.compile(r"(10[*^]|.*?)([+-]?[0-9]+)?")
_PI = "3.1415926535897932384626433832795"

Size = tuple[Fraction, Counter[str]]


def sizes() -> dict[str, tuple[Fraction, str]]:
    """For each unit on a linear scale its size in base units, and these as a UCUM code."""
    essence, found = _Essence(), {}
    for code in sorted(essence.units.keys() | essence.bases):
        try:
            size, dimension = essence.size(code)
        except KeyError:
            continue
        powers = [f"{base}{'' if power == 1 else power}" for base, power in dimension.items() if power]
        found[code] = (size, ".".join(powers) or "1")
    return found


class _Essence:
    def __init__(self) -> None:
        root = ET.parse(Path(ucumvert.__file__).parent / "vendor" / "ucum-essence.xml").getroot()
        units = root.findall(f"{_NS}unit")
        linear = [each for each in units if each.get("isSpecial") != "yes"]
        self.bases = {each.attrib["Code"] for each in root.findall(f"{_NS}base-unit")}
        self.units = {each.attrib["Code"]: each.find(f"{_NS}value") for each in linear}
        self._metric = self.bases | {each.attrib["Code"] for each in linear if each.get("isMetric") == "yes"}
        self._prefixes = {
            each.attrib["Code"]: Fraction(each.find(f"{_NS}value").attrib["value"])
            for each in root.findall(f"{_NS}prefix")
        }

    def size(self, code: str) -> Size:
        return self._term(_SIGNS.findall(re.sub(r"\{[^}]*\}", "", code)))

    def _term(self, signs: list[str]) -> Size:
        size, dimension, sign = Fraction(1), Counter[str](), 1
        while signs and (head := signs.pop(0)) != ")":
            if head in "./":
                sign = 1 if head == "." else -1
                continue
            factor, powers = self._term(signs) if head == "(" else self._simple(head)
            size *= factor**sign
            for base, power in powers.items():
                dimension[base] += sign * power
        return size, dimension

    def _simple(self, code: str) -> Size:
        if code.isdigit():
            return Fraction(code), Counter()
        atom, exponent = _SIMPLE.fullmatch(code).groups()
        size, dimension = self._atom(atom)
        power = int(exponent or 1)
        return size**power, Counter({base: each * power for base, each in dimension.items()})

    def _atom(self, atom: str) -> Size:
        if atom in self.bases:
            return Fraction(1), Counter({atom: 1})
        if atom in ("10*", "10^"):
            return Fraction(10), Counter()
        if atom in self.units:
            value = self.units[atom].attrib
            factor, powers = self.size(value["Unit"])
            return Fraction(_PI if atom == "[pi]" else value["value"]) * factor, powers
        for prefix in sorted(self._prefixes, key=len, reverse=True):
            if atom.startswith(prefix) and (rest := atom.removeprefix(prefix)) in self._metric:
                factor, powers = self._atom(rest)
                return self._prefixes[prefix] * factor, powers
        raise KeyError(atom)
