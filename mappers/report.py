"""The DiagnosticReport that binds together what one electrocardiogram found.

https://hl7.org/fhir/R4/diagnosticreport.html
"""

from dataclasses import replace
from typing import Final

from mappers.mapped import MappingContext, Resource
from mappers.metrics import metric
from mappers.occasion import occasion_of
from mappers.reading import Reading
from mappers.template import codeable_concept

ECG: Final = "ecg-report"


def diagnostic_report(
    reading: Reading, conclusion: str | None, context: MappingContext, observations: tuple[Resource, ...]
) -> Resource:
    """The DiagnosticReport whose results are `observations`, all of them of `reading`."""
    head: Resource = {
        "resourceType": "DiagnosticReport",
        "id": None,
        "identifier": None,
        "status": "final",
        "code": codeable_concept(metric(ECG)),
    }
    plain = replace(reading, circumstances=None, quality=None)  # a report has no element for them
    resource = occasion_of(plain, context).fill(head, ECG)
    resource["result"] = [{"reference": f"Observation/{each['id']}"} for each in observations]
    if conclusion and conclusion.strip():
        resource["conclusion"] = conclusion.strip()
    return resource
