"""What one field of a device means.

https://hl7.org/fhir/R4/devicemetric.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mappers.metric import Kind, Metric, Scale
from mappers.reading import SummaryStatistic
from mappers.selection import Selection
from mappers.template import Template
from terminology.ucum import Conversion

Modality = Literal["sensed", "self-reported"]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What one field of a device means: `key` is its metric's, `names` what it goes by, `name` first.

    `scale` is None where the value is one of the metric's answers, `unit` where the device must send it. Sent in a unit
    of `by_unit` it is another metric: mass and amount of substance have codes of their own. `bounded` values may be
    sent as `<20` or `>600`. `slot` tells it from the other fields of the type: its metric, with the statistic if it sums
    up. `path` and `unit_path` say where a message in the maker's own form has value and unit.
    `summary` is how the value sums up others, where the metric's code does not say it already.
    """

    name: str
    names: tuple[str, ...]
    key: str
    slot: str
    metric: Metric
    scale: Scale | None
    unit: str | None
    unit_names: Mapping[str, str]
    conversions: Mapping[str, Conversion]
    by_unit: "Mapping[str, FieldRule]"
    template: Template
    required: bool
    bounded: bool
    kind: Kind
    modality: Modality
    summary: SummaryStatistic | None
    site: str | None
    path: Selection | None
    unit_path: Selection | None

    def sent_in(self, unit: str | None) -> "FieldRule":
        """The rule for a value that was sent in `unit`, as the device writes it; None where it relies on its profile."""
        if unit is None or not self.by_unit:
            return self
        return self.by_unit.get(self.unit_names.get(unit, unit), self)
