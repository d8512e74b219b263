"""Which parameters of which types have columns of their own, so that ordered indexes serve them.

docs/adr/0006-search.md: a column is exact and needs no second look, a hashed token does.
"""

from types import MappingProxyType
from typing import Final, Literal

from fhir_server.definitions.search_parameters import SearchParameter
from fhir_server.search.params.paths import Path

Column = Literal["id", "last_updated", "patient", "date", "value"]

# the date that readers of a type ask and sort by, where it is not called `date`
_PRIMARY_DATE: Final = MappingProxyType(
    {
        "Account": "period",
        "Basic": "created",
        "Bundle": "timestamp",
        "ChargeItem": "occurrence",
        "Claim": "created",
        "ClaimResponse": "created",
        "Communication": "sent",
        "CommunicationRequest": "authored",
        "Condition": "onset-date",
        "Contract": "issued",
        "CoverageEligibilityRequest": "created",
        "CoverageEligibilityResponse": "created",
        "DetectedIssue": "identified",
        "DeviceRequest": "authored-on",
        "DocumentManifest": "created",
        "ExplanationOfBenefit": "created",
        "Goal": "start-date",
        "ImagingStudy": "started",
        "Media": "created",
        "Medication": "expiration-date",
        "MedicationAdministration": "effective-time",
        "MedicationDispense": "whenhandedover",
        "MedicationRequest": "authoredon",
        "MedicationStatement": "effective",
        "NutritionOrder": "datetime",
        "Patient": "birthdate",
        "PaymentNotice": "created",
        "PaymentReconciliation": "created",
        "Person": "birthdate",
        "Provenance": "recorded",
        "QuestionnaireResponse": "authored",
        "RelatedPerson": "birthdate",
        "RequestGroup": "authored",
        "ServiceRequest": "authored",
        "Slot": "start",
        "Specimen": "collected",
        "Task": "authored-on",
        "TestReport": "issued",
        "VisionPrescription": "datewritten",
    }
)

_VALUE: Final = MappingProxyType({"Observation": "value-quantity"})

_OF_EVERY_TYPE: Final[MappingProxyType[str, Column]] = MappingProxyType(
    {"_id": "id", "_lastUpdated": "last_updated"}
)


def column(resource_type: str, parameter: SearchParameter, paths: tuple[Path, ...]) -> Column | None:
    """The column that holds the parameter's value, None where it has none of its own."""
    code = parameter.code
    if code in _OF_EVERY_TYPE:
        return _OF_EVERY_TYPE[code]
    if code == _VALUE.get(resource_type):
        return "value"
    if code == _PRIMARY_DATE.get(resource_type, "date") and not parameter.repeats:
        return "date"
    if parameter.type == "reference" and len(paths) == 1 and _is_the_patient(parameter, paths[0]):
        return "patient"
    return None


def coded(parameter: SearchParameter, paths: tuple[Path, ...]) -> bool:
    """Whether the parameter's one CodeableConcept is kept as a set of codings."""
    return (
        parameter.code == "code"
        and not parameter.repeats
        and [path.datatype for path in paths] == ["CodeableConcept"]
    )


def _is_the_patient(parameter: SearchParameter, path: Path) -> bool:
    """Whether the parameter reads the one element that says whom the resource is about."""
    return not parameter.repeats and path.names[-1:] in _ABOUT and len(path.steps) == 1


_ABOUT: Final = frozenset(
    {(name,) for name in ("patient", "subject", "beneficiary", "individual", "candidate", "for")}
)
