"""How good the signal was that a value rests on, from 0 to 1, as an extension of the Observation.

https://hl7.org/fhir/R4/extensibility.html

R4 has no element for it and no published code is known, so the extension is this project's own; its definition is served.
"""

from decimal import Decimal
from typing import Final

from mappers.mapped import Resource
from mappers.reading import MappingIssue, Reading

URL: Final = "urn:fhir-server:structure-definition:signal-quality"
ID: Final = "signal-quality"
DIGITS: Final = 6
"""How many digits after the point are taken."""


def quality_issue(quality: object) -> MappingIssue | None:
    """What is wrong with the quality that a device sent; None when it sent none, `good`, or a number above 0 up to 1."""
    if quality in {None, "good"}:
        return None
    if isinstance(quality, str):
        text = f"quality {quality!r}: only readings of good quality are stored. Send it again when it is."
        return MappingIssue("not-supported", "quality", text)
    if not isinstance(quality, int | Decimal) or isinstance(quality, bool) or not 0 <= quality <= 1:
        text = (
            f"quality {str(quality)[:40]} is not between 0 and 1. Send a part of one, such as 0.9, or good."
        )
        return MappingIssue("value", "quality", text)
    if quality == 0:
        text = "quality 0 says that there was no signal. Send the reading again when there is."
        return MappingIssue("not-supported", "quality", text)
    if isinstance(quality, Decimal) and int(quality.as_tuple().exponent) < -DIGITS:
        text = f"quality has more than {DIGITS} digits after the point. Round it."
        return MappingIssue("value", "quality", text)
    return None


def with_quality(elements: Resource | None, reading: Reading) -> Resource | None:
    """`elements` of an Observation with the reading's quality among its extensions, where that is a number."""
    if not isinstance(reading.quality, int | Decimal):
        return elements
    said = elements or {}
    others = said.get("extension", [])
    assert isinstance(others, list), "extensions are a list"
    return {**said, "extension": [*others, {"url": URL, "valueDecimal": reading.quality}]}


DEFINITION: Final[Resource] = {
    "resourceType": "StructureDefinition",
    "id": ID,
    "url": URL,
    "name": "SignalQuality",
    "title": "Signal quality",
    "status": "active",
    "description": "How good the signal was that the value rests on, as the device itself judges it: above 0, up to 1, the best.",
    "fhirVersion": "4.0.1",
    "kind": "complex-type",
    "abstract": False,
    "context": [{"type": "element", "expression": "Observation"}],
    "type": "Extension",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
    "derivation": "constraint",
    "differential": {
        "element": [
            {
                "id": "Extension",
                "path": "Extension",
                "max": "1",
                "short": "From 0 to 1, as the device itself judges it",
            },
            {"id": "Extension.extension", "path": "Extension.extension", "max": "0"},
            {"id": "Extension.url", "path": "Extension.url", "fixedUri": URL},
            {
                "id": "Extension.value[x]",
                "path": "Extension.value[x]",
                "min": 1,
                "type": [{"code": "decimal"}],
            },
        ]
    },
}
