"""Which metric of the registry a coded value of a template is, and what is doubtful about it.

https://loinc.org/kb/users-guide/; a wrong code is worse than none: what is not sure is left out, and said.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mappers.iomt.templates import Code, Coded
from mappers.metric import Metric, Scale
from mappers.metrics import metrics
from terminology import loinc, systems
from terminology.errors import TerminologyError
from terminology.ucum import conversion, is_ucum

_WORD: Final = re.compile(r"[a-z0-9]+")
_NUMBERS: Final = frozenset({"Quantity", "SampledData", ""})


@dataclass(frozen=True, slots=True)
class Found:
    """The metric that a value is, None where none is sure; the unit it comes in, None where none is; what is doubtful."""

    metric: Metric | None
    unit: str | None
    warnings: tuple[str, ...]


def metric_of(coded: Coded) -> Found:
    """The metric that `coded` is by its codes, its unit and what it is called, all of which must agree."""
    if coded.value_type not in _NUMBERS:
        return Found(None, None, (f"a value of the type {coded.value_type} is no measurement in numbers.",))
    warnings: list[str] = []
    candidates: list[Metric] = []
    for code in coded.codes:
        known, said = _known(code, coded)
        warnings.extend(said)
        candidates.extend(each for each in known if each not in candidates)
    if not coded.codes:
        warnings.append("it has no code.")
    if not candidates:
        return Found(None, None, tuple(warnings))
    return _chosen(candidates, coded, warnings)


def _known(code: Code, coded: Coded) -> tuple[list[Metric], list[str]]:
    """The metrics that have this code and may be meant by it, and what speaks against it."""
    shown = f"{code.system}|{code.code}"
    if code.system == systems.LOINC and not loinc.is_well_formed(code.code):
        return [], [f"{code.code!r} is no LOINC code: its check digit is wrong."]
    having = [each for each in metrics().values() if _has(each, code) and each.scale is not None]
    if not having:
        return [], [f"{shown} is not the code of a metric in the registry."]
    if coded.panel and not (inside := [each for each in having if _is_part(each, coded.panel)]):
        return [], [f"{shown} is {having[0].text}, which is no part of that panel.{_meant(code)}"]
    if coded.panel:
        having = inside
    if code.display and not any(_agree(code.display, each) for each in having):
        said = f"{shown} is {having[0].text}, and the template calls it {code.display!r}.{_meant(code)}"
        return ([], [said]) if _meant(code) else (having, [said])
    return having, []


def _chosen(candidates: list[Metric], coded: Coded, warnings: list[str]) -> Found:
    fitting = [each for each in candidates if each.scale and _unit(coded.unit, each.scale) is not None]
    metric = (fitting or candidates)[0]
    assert metric.scale is not None, "only metrics with a scale are candidates"
    others = [each.key for each in (fitting or candidates) if each is not metric]
    if others:
        warnings.append(
            f"it may also be {', '.join(others)}: {metric.key} is taken, choose what the device is."
        )
    unit = _unit(coded.unit, metric.scale)
    if unit is None and (is_ucum(coded.unit) or _is_human(coded.unit)):
        warnings.append(
            f"{coded.unit!r} is no unit of {metric.key}, which is in {metric.scale.unit}: one is wrong."
        )
        return Found(None, None, tuple(warnings))
    if unit != coded.unit:
        what = f"{coded.unit!r} is no UCUM code" if coded.unit else "it has no unit"
        then = f"{unit} is taken for it." if unit else f"write what it comes in, such as {metric.scale.unit}."
        warnings.append(f"{what}: {then}")
    return Found(metric, unit, tuple(warnings))


def _unit(text: str, scale: Scale) -> str | None:
    """The UCUM code that `text` is or, in the registry's own words for people, means; None where it is neither."""
    if text == scale.human:
        return scale.unit
    try:
        conversion(text, scale.unit)
    except TerminologyError:
        return None
    return text


def _is_human(text: str) -> bool:
    return any(each.scale is not None and text == each.scale.human for each in metrics().values())


def _has(metric: Metric, code: Code) -> bool:
    return any((each.system, each.code) == (code.system, code.code) for each in metric.codings)


def _is_part(metric: Metric, panel: tuple[Code, ...]) -> bool:
    panels = [each for each in metrics().values() if any(_has(each, code) for code in panel)]
    return any(metric.key in (*each.components, *each.members) for each in panels)


def _meant(code: Code) -> str:
    """Which metric goes by that very name, where one does."""
    for each in metrics().values():
        if each.scale is not None and code.display.lower() in map(str.lower, _names(each)):
            return f" {code.display} is the metric {each.key}."
    return ""


def _agree(display: str, metric: Metric) -> bool:
    """Whether one name is made of words of the other."""
    words = set(_WORD.findall(display.lower()))
    return any(
        words <= set(_WORD.findall(name.lower())) or set(_WORD.findall(name.lower())) <= words
        for name in _names(metric)
    )


def _names(metric: Metric) -> Iterator[str]:
    yield metric.text
    for each in metric.codings:
        if each.display:
            yield each.display
