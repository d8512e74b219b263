"""A value that sums up others of its metric: an Observation whose component says by which statistic.

https://hl7.org/fhir/R4/observation-operation-stats.html
https://hl7.org/fhir/R4/codesystem-observation-statistics.html

As `$stats` answers: the code of the metric, no value of its own, and a component for the statistic. Whoever looks for
what was measured at one moment finds no mean among it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mappers.mapped import Resource
from mappers.occasion import Occasion
from mappers.panel import Panel
from mappers.reading import SummaryStatistic
from mappers.rule import FieldRule
from mappers.template import coding
from mappers.value import Value, value_element
from terminology import systems
from terminology.service import Coding

_DISPLAYS: Final[Mapping[SummaryStatistic, str]] = MappingProxyType(
    {"average": "Average", "median": "Median", "minimum": "Minimum", "maximum": "Maximum"}
)


def summary(
    occasion: Occasion, rule: FieldRule, panel: Panel | None, read: Value, statistic: SummaryStatistic
) -> Resource:
    """The Observation that says what `statistic` (a code of the system) of the rule's metric was.

    It claims no profile, since those are for what was measured; a part of a panel stands alone, in the panel's category.
    """
    head = (rule if panel is None else panel).template.head
    plain = {key: content for key, content in head.items() if key != "meta"} | {"code": rule.template.code}
    resource = occasion.fill(plain, f"{rule.key}.{statistic}")
    resource["device"] = occasion.device
    resource["component"] = [statistic_component(rule, statistic, read)]
    return resource


def statistic_component(rule: FieldRule, statistic: SummaryStatistic, read: Value) -> dict[str, object]:
    """The component that says what `statistic` of the rule's metric was."""
    code = Coding(systems.OBSERVATION_STATISTICS, statistic, _DISPLAYS[statistic])
    return {"code": {"coding": [coding(code)]}} | dict([value_element(rule, read)])
