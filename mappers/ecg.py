"""A resting ECG's measurements and waveform to coded Observations, bound together by a DiagnosticReport.

https://hl7.org/fhir/R4/diagnosticreport.html
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from mappers.mapped import Mapped, MappingContext, MappingResult, Rejected, Resource
from mappers.message import message_issues
from mappers.metrics import metric
from mappers.observation import map_measurements
from mappers.occasion import occasion_of
from mappers.reading import Reading
from mappers.report import ECG, diagnostic_report
from mappers.template import codeable_concept, template
from mappers.value import value
from mappers.waveform import Waveform, waveform_observations
from terminology.service import Coding

HEART_RATE: Final = "heartRate"
RR_INTERVAL: Final = "rrInterval"
RATE_METHOD: Final = "60000 / R-R interval in ms"
PANEL: Final = "ecg-12-lead-panel"
_TWELVE: Final = frozenset(
    f"ecg-lead-{name}" for name in ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
)


@dataclass(frozen=True, slots=True)
class EcgReport:
    """What an ECG recording says of itself: its measurements as a reading and, if given, the conclusion in words.

    `reading` speaks the device profile `ecg-monitor`. QTc is `qtcInterval` unless the recording names the formula. The
    recording begins at the time of the reading; leads that were sampled together are one of its `waveforms`.
    """

    reading: Reading
    conclusion: str | None = None
    waveforms: tuple[Waveform, ...] = ()


def map_ecg(report: EcgReport, context: MappingContext) -> MappingResult:
    """The Observations of `report` and, last, its DiagnosticReport, as one group; Rejected as `map_reading` does.

    Many recordings state the R-R interval and no heart rate: the rate is then calculated, and its Observation says so
    by its method and by what it is derived from. Where the twelve leads were recorded, a panel names all that was found.
    """
    rate = _calculated_rate(report.reading, context)
    mapped = _measurements(report, rate, context)
    if isinstance(mapped, Rejected):
        return mapped
    observations = mapped.resources if rate is None else _derived(mapped.resources)
    for waveform in report.waveforms:
        observations += tuple(waveform_observations(waveform, report.reading, context))
    if {lead.metric for waveform in report.waveforms for lead in waveform.leads} >= _TWELVE:
        observations += (_panel(report.reading, context, observations),)
    made = diagnostic_report(report.reading, report.conclusion, context, observations)
    return Mapped((*observations, made), mapped.warnings, mapped.corrects)


def study() -> Coding:
    """What a file that holds an electrocardiogram is, as a document."""
    return metric(ECG).codings[0]


def _panel(reading: Reading, context: MappingContext, members: tuple[Resource, ...]) -> Resource:
    occasion, row = occasion_of(reading, context), metric(PANEL)
    panel = occasion.fill(template(row).head, row.key)
    panel["device"] = occasion.device
    panel["hasMember"] = [{"reference": f"Observation/{each['id']}"} for each in members]
    return panel


def _measurements(report: EcgReport, rate: int | None, context: MappingContext) -> MappingResult:
    """The Observations of what the cardiograph measured; a recording may have a waveform and no measurement."""
    if not report.waveforms or report.reading.fields:
        return map_measurements(report.reading if rate is None else _with_rate(report.reading, rate), context)
    issues = tuple(message_issues(report.reading, context))
    if any(issue.severity == "error" for issue in issues):
        return Rejected(issues)
    return Mapped((), issues, report.reading.corrects)


def _calculated_rate(reading: Reading, context: MappingContext) -> int | None:
    sent = reading.fields.get(RR_INTERVAL)
    if sent is None or reading.fields.get(HEART_RATE) is not None:
        return None
    rule = context.profile.fields[RR_INTERVAL]
    interval = value(rule, RR_INTERVAL, sent, reading.units.get(RR_INTERVAL))
    return round(Decimal(60_000) / interval) if isinstance(interval, int | Decimal) else None


def _with_rate(reading: Reading, rate: int) -> Reading:
    return replace(
        reading,
        fields={
            HEART_RATE: rate,
            **{name: value for name, value in reading.fields.items() if name != HEART_RATE},
        },
        units={**reading.units, HEART_RATE: "/min"},
    )


def _derived(observations: tuple[Resource, ...]) -> tuple[Resource, ...]:
    rate, *others = observations
    interval_code = codeable_concept(metric("rr-interval"))
    source = [f"Observation/{each['id']}" for each in others if each["code"] == interval_code]
    method = {"text": RATE_METHOD}
    return {**rate, "method": method, "derivedFrom": [{"reference": each} for each in source]}, *others
