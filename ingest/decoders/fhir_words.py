"""A FHIR element in words, for a note: what has no element of its own in the Observation that is stored.

https://hl7.org/fhir/R4/extensibility.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Tree: TypeAlias = Mapping[str, object]


def extension_words(extension: Tree) -> str:
    """`currentLimits: 80.0 % to 100.0 %; alertOperationalState: Limits On`: name and value, and those within."""
    name = str(extension.get("url", "")).rpartition("/")[2]
    within = extension.get("extension")
    if isinstance(within, list):
        said = "; ".join(extension_words(each) for each in within if isinstance(each, dict))
        return f"{name}: {said}"
    value = next((each for key, each in extension.items() if key.startswith("value")), None)
    return f"{name}: {words(value)}"


def words(value: object) -> str:
    """What people would write for a Quantity, Range, CodeableConcept or Reference; of any other object its JSON."""
    if not isinstance(value, dict):
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if "value" in value:
        unit = value.get("code") or value.get("unit") or ""
        return f"{value.get('comparator', '')}{value['value']} {unit}".strip()
    if "low" in value or "high" in value:
        return f"{words(value.get('low'))} to {words(value.get('high'))}".strip()
    if (
        said := value.get("text")
        or ", ".join(_coded(value))
        or value.get("reference")
        or value.get("display")
    ):
        return str(said)
    return json.dumps(value, default=str, ensure_ascii=False)


def _coded(concept: Tree) -> Iterator[str]:
    codings = concept.get("coding")
    for each in codings if isinstance(codings, list) else ():
        if isinstance(each, dict) and (said := each.get("display") or each.get("code")):
            yield str(said)
