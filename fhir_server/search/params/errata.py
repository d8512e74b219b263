"""Where R4's table of search parameters cannot be followed: what is refused and why, and what is read otherwise.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from types import MappingProxyType
from typing import Final

_NO_ELEMENT: Final = "it is not read from an element of the resource"
_CONTAINED: Final = "it is no reference: the first entry holds the resource itself. Search that type"

REFUSED: Final = MappingProxyType(
    {
        (
            "",
            "_text",
        ): "narratives are not indexed. Search the elements that they tell of, or texts of codes with :text",
        ("", "_content"): "whole resources are not indexed. Search their elements",
        ("", "_filter"): "expressions are not read. Write them as parameters",
        ("", "_query"): "no named queries are defined",
        ("Location", "near"): "distances are not measured yet. Search by address",
        ("Patient", "age"): f"{_NO_ELEMENT}, and R4 gives no expression for it. Search by birthdate",
        ("Patient", "birthOrderBoolean"): f"{_NO_ELEMENT}, and R4 gives no expression for it",
        ("Bundle", "composition"): _CONTAINED,
        ("Bundle", "message"): _CONTAINED,
    }
)

# R4 names here what only its own table of parameters calls so; people write the extension that R4 defines
EXPRESSIONS: Final = MappingProxyType(
    {
        ("Patient", "mothersMaidenName"): "Patient.extension('http://hl7.org/fhir/StructureDefinition/"
        "patient-extensions-Patient-mothersMaidenName') | "
        "Patient.extension('http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName')",
    }
)

# R4 has the two expressions the wrong way round
_RELATIONSHIP: Final = "http://hl7.org/fhir/SearchParameter/DocumentReference-relationship"
COMPONENTS: Final = MappingProxyType(
    {(_RELATIONSHIP, "relatesto"): "target", (_RELATIONSHIP, "relation"): "code"}
)

# what the extension may refer to, where R4 leaves the parameter without targets
TARGETS: Final = MappingProxyType({("DiagnosticReport", "assessed-condition"): ("Condition",)})
