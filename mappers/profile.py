"""Device profiles: which field of which device is which metric, read once from YAML.

https://hl7.org/fhir/R4/devicemetric.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, cast

from mappers.declaration import Declaration, declaration
from mappers.errors import UnknownProfile
from mappers.fields import fields
from mappers.panel import Group, Panel, group, panels
from mappers.plausibility import Check, checks_for
from mappers.rule import FieldRule
from mappers.shape import Shape, shape
from mappers.table import Table, tables

Source = Literal["live", "recording"]
Sequence = Literal["none", "optional", "required"]
Resolution = Literal["any", "subsecond"]

PROFILES: Final = (
    "activity-tracker",
    "apap",
    "bedside-monitor",
    "bipap",
    "blood-pressure",
    "continuous-glucose-monitor",
    "cpap",
    "ecg-monitor",
    "edge-monitor",
    "edge-monitor-body-probe",
    "glucose-meter",
    "oxygen-concentrator",
    "phone",
    "pulse-oximeter",
    "respiration-monitor",
    "scale",
    "thermometer",
    "ventilator",
)
"""Every device profile of this package; each is a file of `maps/`."""

_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_LONGEST_TEXT: Final = 200
_MDC_CODE: Final = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """How one kind of device speaks; `version` is the declaration's own, which Provenance names.

    `fields` has every name a field goes by, `required` the metrics without which a reading is refused, `panels` the
    panel of each component metric, `group` the panel whose members are Observations of their own, `reported` the names of fields that make a reading an
    electrocardiogram with a DiagnosticReport. A `recording` may be of any age. `sequence` says whether the device's message
    sequence is part of a reading's identity, `resolution` whether its times must have fractions of a second. A device
    with a `shape` sends messages of its maker's form instead of ours; `tables` are those that its software exports.
    """

    key: str
    version: str
    text: str
    mdc_device_type: str | None
    source: Source
    sequence: Sequence
    resolution: Resolution
    fields: Mapping[str, FieldRule]
    rules: tuple[FieldRule, ...]
    required: tuple[FieldRule, ...]
    panels: Mapping[str, Panel]
    group: Group | None
    reported: frozenset[str]
    checks: tuple[Check, ...]
    shape: Shape | None
    tables: Mapping[str, Table]


@cache
def device_profile(key: str) -> DeviceProfile:
    """The device profile of this package called `key`. Raises UnknownProfile, or InvalidDeclaration if its file is wrong."""
    if key not in PROFILES:
        raise UnknownProfile(f"There is no device type {key!r}. Choose one of {', '.join(PROFILES)}.")
    return read_profile(key, declaration(files(__package__) / "maps" / f"{key}.yaml"))


def check_profiles() -> None:
    """Nothing, if every profile of this package is sound. Raises InvalidDeclaration otherwise."""
    for key in PROFILES:
        device_profile(key)


def read_profile(key: str, source: Declaration) -> DeviceProfile:
    """The profile that `source` declares. Raises InvalidDeclaration with file and line of every mistake."""
    gathered = source.gathered
    declared = _declared_fields(source)
    known, unsound = fields(declared, gathered({}, _unit_names, source))
    rules = tuple({id(rule): rule for rule in known.values()}.values())
    version, text = gathered("", _version, source), gathered("", _text, source)
    profile = DeviceProfile(
        key=key,
        version=version,
        text=text,
        mdc_device_type=gathered(None, _mdc_device_type, source),
        source=cast("Source", _one_of(source, "source", "live", "recording")),
        sequence=cast("Sequence", _one_of(source, "sequence", "none", "optional", "required")),
        resolution=cast("Resolution", _one_of(source, "resolution", "any", "subsecond")),
        fields=known,
        rules=rules,
        required=tuple(rule for rule in rules if rule.required),
        panels=MappingProxyType({} if unsound else gathered({}, panels, rules, declared)),
        group=gathered(None, group, source),
        reported=gathered(frozenset(), _reported, source, known, unsound),
        checks=checks_for(frozenset(rule.key for rule in rules)),
        shape=gathered(None, shape, source, rules),
        tables=gathered({}, tables, source, known, unsound),
    )
    if not unsound:
        gathered(None, _check_unit_names, source, rules)
    gathered(None, source.close)
    source.finish()
    return profile


def _declared_fields(source: Declaration) -> Declaration:
    declared = source.child("fields")
    if declared is None:
        raise source.error("`fields` is missing. Name at least one field.")
    if not declared.keys:
        raise source.error("`fields` is empty. Name at least one field.", "fields")
    return declared


def _one_of(source: Declaration, key: str, default: str, *others: str) -> str:
    return source.gathered(default, source.one_of, key, (default, *others), default)


def _reported(source: Declaration, known: Mapping[str, FieldRule], unsound: frozenset[str]) -> frozenset[str]:
    """Every name of the fields under `ecg_report`, which say that an electrocardiogram was taken."""
    declared = [name for name in source.texts("ecg_report") if name not in unsound]
    for name in declared:
        if name not in known:
            raise source.error(f"`ecg_report: {name}` is no field of this device type.", "ecg_report")
    return frozenset(name for each in declared for name in known[each].names)


def _text(source: Declaration) -> str:
    text = source.text("text")
    if not (text.isprintable() and len(text) <= _LONGEST_TEXT):
        raise source.error(f"`text` is not one of at most {_LONGEST_TEXT} printable characters.", "text")
    return text


def _version(source: Declaration) -> str:
    version = source.text("version")
    if not _VERSION.fullmatch(version):
        raise source.error(
            f"`version: {version}` is not a version. Write 1 to 32 letters, digits, `.`, `_` or `-`.",
            "version",
        )
    return version


def _mdc_device_type(source: Declaration) -> str | None:
    code = source.optional_text("mdc_device_type")
    if code is not None and not _MDC_CODE.fullmatch(code):
        raise source.error(
            f"`mdc_device_type: {code}` is no MDC code. Write its decimal number.", "mdc_device_type"
        )
    return code


def _unit_names(source: Declaration) -> Mapping[str, str]:
    entry = source.child("unit_names")
    return MappingProxyType({} if entry is None else dict(entry.text_entries()))


def _check_unit_names(source: Declaration, rules: tuple[FieldRule, ...]) -> None:
    """Nothing. Raises InvalidDeclaration for a name of a unit that no field takes, or that would make a unit another."""
    entry = source.child("unit_names")
    if entry is None:
        return
    taken = {unit for rule in rules for unit in (*rule.conversions, *rule.by_unit)}
    for name, unit in entry.text_entries():
        if unit not in taken:
            raise entry.error(f"`{name}: {unit}`: no field takes {unit}. Write the UCUM unit of one.", name)
        if name in taken and name != unit:
            raise entry.error(f"`{name}: {unit}`: {name} is a unit of its own. Remove it.", name)
