"""Which units the values of one code are told in: as few as UCUM lets them be.

https://ucum.org/ucum
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from fhir_server.operations.sums import Converted, Group, Scale
from terminology.errors import TerminologyError
from terminology.ucum import conversion


def in_few_units(groups: Iterable[Group]) -> Mapping[Converted, Scale]:
    """How the values of each code become values in the unit that most of them have, for those units that can.

    The first pair of units that is not a common one loads a library, which takes most of a second.
    """
    counts: dict[int, Counter[str]] = {}
    for group in groups:
        if group.unit is not None:
            counts.setdefault(group.asked, Counter())[group.unit] += group.sums.count
    scales: dict[Converted, Scale] = {}
    for asked, units in counts.items():
        targets: list[str] = []
        for unit in sorted(units, key=lambda one: (-units[one], one)):
            scale = next((found for target in targets if (found := _scale(unit, target))), None)
            if scale is None:
                targets.append(unit)
            else:
                scales[asked, unit] = scale
    return scales


def _scale(unit: str, target: str) -> Scale | None:
    try:
        found = conversion(unit, target)
    except TerminologyError:
        return None
    return Scale(target, found.factor, found.offset)
