"""Where R4's table of search parameters cannot be followed: what is refused and why, and what is read otherwise.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from types import MappingProxyType
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES

_NO_EXPRESSION: Final = "R4 does not say from which elements it is read"
_CONTAINED: Final = "the first entry holds the resource itself and no reference to it; search that type"

# by type and parameter; the empty type is all that have it
REFUSED: Final = MappingProxyType(
    {
        ("", "_text"): "narratives are not indexed; use _has, :text or a string parameter",
        ("", "_content"): "whole resources are not indexed; use a string parameter",
        ("", "_filter"): "no filter expressions are read; write search parameters",
        ("", "_query"): "there are no named queries",
        ("Location", "near"): "distances are not measured yet; use an address parameter",
        ("Patient", "age"): f"{_NO_EXPRESSION}; use birthdate",
        ("Patient", "birthOrderBoolean"): _NO_EXPRESSION,
        ("Bundle", "composition"): _CONTAINED,
        ("Bundle", "message"): _CONTAINED,
    }
)

# R4 names an extension that only its table of parameters has; people write the one that R4 defines
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

# what may be referred to, where R4 leaves the parameter without targets
_ANY: Final = tuple(sorted(RESOURCE_TYPES.keys() - {"Parameters"}))
TARGETS: Final = MappingProxyType(
    {
        ("DiagnosticReport", "assessed-condition"): ("Condition",),
        ("QuestionnaireResponse", "item-subject"): _ANY,
        ("RequestGroup", "instantiates-canonical"): _ANY,
    }
)
