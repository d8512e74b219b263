"""The section `shape:` of a device type: where a message in its maker's own form says when, of whom and in what order.

https://jmespath.org/specification.html
"""

from dataclasses import dataclass
from typing import Literal, cast

from mappers.declaration import Declaration
from mappers.rule import FieldRule
from mappers.selection import Selection, declared_selection

TimeUnit = Literal["s", "ms"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where things stand: `device` and `patient` in the message, the others in each of its `readings`.

    Without `readings` the message is one. `time_unit` is what a number of the time counts.
    """

    readings: Selection | None
    device: Selection | None
    patient: Selection | None
    time: Selection
    time_unit: TimeUnit
    sequence: Selection | None


def shape(source: Declaration, fields: tuple[FieldRule, ...]) -> Shape | None:
    """The shape that `source` declares, None if it has none. Raises InvalidDeclaration; mistakes of fields are gathered.

    With a shape every one of the `fields` needs its path, without one none may have any.
    """
    entry = source.child("shape")
    declared = source.child("fields")
    assert declared is not None, "fields were read from it"
    for rule in fields:
        declared.gathered(None, _check_paths, rule, declared, shaped=entry is not None)
    return None if entry is None else _shape(entry)


def _check_paths(rule: FieldRule, declared: Declaration, *, shaped: bool) -> None:
    if not shaped and (rule.path or rule.unit_path):
        raise declared.error(f"`{rule.name}` has a path, and there is no `shape:` that says when.", rule.name)
    if shaped and rule.path is None:
        raise declared.error(f"`{rule.name}` has no `path`, and a type with a `shape:` needs it.", rule.name)
    if shaped and rule.scale and not (rule.unit or rule.unit_path):
        text = f"`{rule.name}` has neither `unit` nor `unit_path`: nothing would say what it is measured in."
        raise declared.error(text, rule.name)


def _shape(entry: Declaration) -> Shape:
    gathered = entry.gathered
    readings, device, patient, sequence = (
        gathered(None, declared_selection, entry, key)
        for key in ("readings", "device", "patient", "sequence")
    )
    time_unit = gathered("s", entry.one_of, "time_unit", ("s", "ms"), "s")
    time = declared_selection(entry, "time")
    if time is None:
        raise entry.error("`time` is missing. Give the path of the time of measurement.")
    gathered(None, entry.close)
    return Shape(readings, device, patient, time, cast("TimeUnit", time_unit), sequence)
