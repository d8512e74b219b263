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
    """The shape that `source` declares, None if it has none. Raises InvalidDeclaration for the first mistake.

    With a shape every one of the `fields` needs its path, without one none may have any.
    """
    entry = source.child("shape")
    declared = source.child("fields")
    assert declared is not None, "fields were read from it"
    for rule in fields:
        if entry is None and (rule.path or rule.unit_path):
            raise declared.error(
                f"`{rule.name}` has a path, and there is no `shape:` that says when.", rule.name
            )
        if entry is not None and rule.path is None:
            text = f"`{rule.name}` has no `path`, and a type with a `shape:` needs it."
            raise declared.error(text, rule.name)
        if entry is not None and rule.scale and not (rule.unit or rule.unit_path):
            text = (
                f"`{rule.name}` has neither `unit` nor `unit_path`: nothing would say what it is measured in."
            )
            raise declared.error(text, rule.name)
    return None if entry is None else _shape(entry)


def _shape(entry: Declaration) -> Shape:
    time = declared_selection(entry, "time")
    if time is None:
        raise entry.error("`time` is missing. Give the path of the time of measurement.")
    found = Shape(
        readings=declared_selection(entry, "readings"),
        device=declared_selection(entry, "device"),
        patient=declared_selection(entry, "patient"),
        time=time,
        time_unit=cast("TimeUnit", entry.one_of("time_unit", ("s", "ms"), "s")),
        sequence=declared_selection(entry, "sequence"),
    )
    entry.close()
    return found
