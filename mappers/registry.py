"""The rows of the metric registry, read and checked.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

from mappers.declaration import Declaration
from mappers.metric import CATEGORIES, Confidence, Kind, Limits, Metric, Scale, Signal, Statistic, Suspect
from mappers.vital_signs import VITAL_SIGNS_PROFILES
from terminology import loinc, systems
from terminology.errors import TerminologyError
from terminology.service import Coding
from terminology.ucum import conversion

CONFIDENCES: Final = ("A", "B", "C", "L")
SIGNAL_UNITS: Final = ("uV", "mV", "1")
KINDS: Final = ("measurement", "setting", "calculation")
STATISTICS: Final = ("unspecified", "mean", "median", "minimum", "maximum")
_ANSWERS: Final = {"loinc": systems.LOINC, "mdc": systems.MDC, "snomed": systems.SNOMED_CT}
MDC_PARTITIONS: Final = frozenset({2, 4, 8, 128, 129, 258})
"""An MDC code is `partition * 65536 + term`; these are the partitions whose codes are used here.

258 has the settings of what 2 measures."""


def registry(source: Declaration) -> Mapping[str, Metric]:
    """The metrics that `source` declares. Raises InvalidDeclaration with file and line for the first mistake."""
    rows = {key: (_metric(key, row), row) for key, row in source.entries()}
    known = {key: found for key, (found, _) in rows.items()}
    for found, row in rows.values():
        _check_components(found, known, row)
    return MappingProxyType(known)


def _metric(key: str, row: Declaration) -> Metric:
    unscaled = row.flag("report", default=False) | row.flag("event", default=False)
    components, members, answers = row.texts("components"), row.texts("members"), _answers(row)
    signal = _signal(row)
    found = Metric(
        key=key,
        text=row.text("text"),
        codings=_codings(row),
        categories=row.texts("category"),
        profile=row.optional_text("profile"),
        scale=_scale(row) if _is_number(row, unscaled or members or answers or signal) else None,
        answers=answers,
        signal=signal,
        components=components,
        requires=row.texts("requires"),
        members=members,
        kind=cast("Kind", row.one_of("kind", KINDS, "measurement")),
        confidence=cast("Confidence", row.one_of("confidence", CONFIDENCES)),
        statistic=cast("Statistic", row.one_of("statistic", STATISTICS, "unspecified")),
    )
    row.close()
    _check_codes(found, row)
    _check_profile(found, row)
    return found


def _is_number(row: Declaration, other: object) -> bool:
    """Whether the metric has a scale: any that is nothing else, and a panel that has a value of its own."""
    return not other and (not row.texts("components") or row.optional_text("unit") is not None)


def _codings(row: Declaration) -> tuple[Coding, ...]:
    codings = [_coding(each, systems.LOINC, "display") for each in row.children("loinc")]
    if (snomed := row.child("snomed")) is not None:
        codings.append(_coding(snomed, systems.SNOMED_CT, "display"))
    if (local := row.child("local")) is not None:
        codings.append(_coding(local, systems.LOCAL_METRIC, "display"))
    if (mdc := row.child("mdc")) is not None:
        codings.append(_coding(mdc, systems.MDC, "refid"))
    return tuple(codings)


def _signal(row: Declaration) -> Signal | None:
    declared = row.child("signal")
    if declared is None:
        return None
    signal = Signal(declared.one_of("unit", SIGNAL_UNITS), declared.text("human"))
    declared.close()
    return signal


def _answers(row: Declaration) -> Mapping[str, Coding]:
    declared = row.child("answers")
    if declared is None:
        return MappingProxyType({})
    system = _ANSWERS[declared.one_of("system", tuple(_ANSWERS))]
    found = {entry.text("says"): _coding(entry, system, "display") for entry in declared.children("codes")}
    declared.close()
    return MappingProxyType(found)


def _coding(entry: Declaration, system: str, display: str) -> Coding:
    coding = Coding(system, entry.text("code"), entry.optional_text(display))
    entry.close()
    return coding


def _scale(row: Declaration) -> Scale:
    unit = row.text("unit")
    accept = row.child("accept")
    if accept is None:
        raise row.error("`accept` is missing. Give `low` and `high`.")
    scale = Scale(
        unit=unit,
        human=row.text("human"),
        accepts=(unit, *row.texts("accepts")),
        low=accept.number("low"),
        high=accept.number("high"),
        suspects=tuple(_suspect(each, accept) for each in row.children("suspects")),
        below=_limits(accept, "below"),
        above=_limits(accept, "above"),
        whole=row.flag("whole", default=False),
    )
    accept.close()
    if scale.low >= scale.high:
        raise accept.error(f"`low: {scale.low}` is not below `high: {scale.high}`.")
    _check_units(scale, row)
    return scale


def _limits(accept: Declaration, key: str) -> Limits | None:
    declared = accept.child(key)
    if declared is None:
        return None
    limits = Limits(declared.number("low"), declared.number("high"))
    declared.close()
    if limits.low >= limits.high:
        raise declared.error(f"`low: {limits.low}` is not below `high: {limits.high}`.")
    return limits


def _suspect(entry: Declaration, accept: Declaration) -> Suspect:
    suspect = Suspect(entry.number("low"), entry.number("high"), entry.text("means"))
    entry.close()
    if suspect.low > suspect.high:
        raise entry.error(f"`low: {suspect.low}` is above `high: {suspect.high}`.")
    if suspect.low <= accept.number("high") and suspect.high >= accept.number("low"):
        raise entry.error("a value cannot be suspect and within `accept`.")
    return suspect


def _check_units(scale: Scale, row: Declaration) -> None:
    for unit in scale.accepts:
        try:
            conversion(unit, scale.unit)
        except TerminologyError as error:
            raise row.error(f"`accepts`: {error}") from error


def _check_codes(found: Metric, row: Declaration) -> None:
    by_system: dict[str, list[str]] = {}
    for coding in found.codings:
        by_system.setdefault(coding.system, []).append(coding.code)
    local = systems.LOCAL_METRIC in by_system
    if not by_system or (local and systems.LOINC in by_system):
        raise row.error(
            "give `loinc`, `snomed` or `mdc`, or several; or, where no published code tells the truth, `local`."
        )
    if local != (found.confidence == "L"):
        raise row.error(
            f"`confidence: {found.confidence}` does not fit: L stands for `local` and for nothing else."
        )
    for code in by_system.get(systems.LOINC, ()):
        if not loinc.is_well_formed(code):
            raise row.error(f"`{code}` is no LOINC code: its check digit is wrong.")
    for code in by_system.get(systems.MDC, ()):
        if not (code.isdigit() and int(code) >> 16 in MDC_PARTITIONS):
            raise row.error(f"`{code}` is no MDC code: partition * 65536 + term in decimal.")


def _check_profile(found: Metric, row: Declaration) -> None:
    for category in found.categories:
        if category not in CATEGORIES:
            raise row.error(f"`category: {category}` is unknown. Known are {', '.join(CATEGORIES)}.")
    if found.profile is None:
        if "vital-signs" in found.categories:
            raise row.error("a vital sign needs the `profile` it conforms to.")
        return
    rule = VITAL_SIGNS_PROFILES.get(found.profile)
    if rule is None:
        raise row.error(f"`profile: {found.profile}` is not one of the vital signs profiles of R4.")
    unit = found.scale.unit if found.scale else None
    if found.categories[:1] != ("vital-signs",):
        raise row.error(f"{found.profile} fixes `category: [vital-signs]`.")
    if rule.code and Coding(systems.LOINC, rule.code) not in [
        Coding(each.system, each.code) for each in found.codings
    ]:
        raise row.error(f"{found.profile} fixes the LOINC code {rule.code}.")
    if rule.code and ((unit is None) != (not rule.units) or (unit is not None and unit not in rule.units)):
        raise row.error(f"`unit: {unit}`: {found.profile} allows {', '.join(rule.units) or 'no value'}.")


def _check_components(found: Metric, known: Mapping[str, Metric], row: Declaration) -> None:
    for key in found.requires:
        if key not in found.components:
            raise row.error(f"`requires: {key}` is not one of its components.")
    for key in found.members:
        if key not in known:
            raise row.error(f"`members: {key}` is not in the registry.")
    for key in found.components:
        component = known.get(key)
        if component is None:
            raise row.error(f"`components: {key}` is not in the registry.")
        if (component.scale is None and component.signal is None) or component.profile is not None:
            raise row.error(f"`components: {key}` stands on its own and cannot be part of a panel.")
