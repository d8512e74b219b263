"""A resting ECG's measurements to coded Observations, bound together by a DiagnosticReport.

https://hl7.org/fhir/R4/diagnosticreport.html
"""

from dataclasses import dataclass
from typing import Final

from mappers.mapped import Mapped, MappingContext, MappingResult, Rejected, Resource
from mappers.metrics import metric
from mappers.observation import map_reading
from mappers.occasion import occasion_of
from mappers.reading import Reading
from mappers.template import codeable_concept

REPORT: Final = "ecg-report"


@dataclass(frozen=True, slots=True)
class EcgReport:
    """What an ECG recording says of itself: its measurements as a reading and, if given, the conclusion in words.

    `reading` speaks the device profile `ecg-monitor`. QTc is `qtcInterval` unless the recording names the formula.
    """

    reading: Reading
    conclusion: str | None = None


def map_ecg(report: EcgReport, context: MappingContext) -> MappingResult:
    """The Observations of `report` and, last, its DiagnosticReport, as one group; Rejected as `map_reading` does."""
    mapped = map_reading(report.reading, context)
    if isinstance(mapped, Rejected):
        return mapped
    diagnostic_report = _diagnostic_report(report, context, mapped.resources)
    return Mapped((*mapped.resources, diagnostic_report), mapped.warnings, mapped.corrects)


def _diagnostic_report(
    report: EcgReport, context: MappingContext, observations: tuple[Resource, ...]
) -> Resource:
    head: Resource = {
        "resourceType": "DiagnosticReport",
        "id": None,
        "identifier": None,
        "status": "final",
        "code": codeable_concept(metric(REPORT)),
    }
    resource = occasion_of(report.reading, context).fill(head, REPORT)
    resource["result"] = [{"reference": f"Observation/{each['id']}"} for each in observations]
    if report.conclusion and report.conclusion.strip():
        resource["conclusion"] = report.conclusion.strip()
    return resource
