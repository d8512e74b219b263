"""What an Observation says, value by value, as plain JSON.

https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Iterator
from typing import cast

from fhir_server.json import JsonObject, JsonValue


def live_values(observation: JsonObject) -> Iterator[JsonObject]:
    """The Observation's own value and those of its components; one without a value or a reason for none is left out.

    Samples are left out too: whoever draws waveforms reads the Observation.
    """
    of_all: JsonObject = {
        "effective": _effective(observation),
        "device": _object(observation, "device").get("reference"),
        "observation": f"Observation/{observation['id']}",
        "categories": [
            coding.get("code")
            for category in _objects(observation, "category")
            for coding in _objects(category, "coding")[:1]
        ],
    }
    for element in (observation, *_objects(observation, "component")):
        value = _value(element)
        if value is not None:
            yield _metric(_object(element, "code")) | value | of_all


def _metric(code: JsonObject) -> JsonObject:
    coding = next(iter(_objects(code, "coding")), {})
    name = code.get("text") or coding.get("display")
    return {"system": coding.get("system"), "code": coding.get("code"), "name": name}


def _value(element: JsonObject) -> JsonObject | None:
    quantity, text, absent = _object(element, "valueQuantity"), _text(element), _absent(element)
    if not quantity and text is None and absent is None:
        return None
    return {
        "value": quantity.get("value"),
        "comparator": quantity.get("comparator"),
        "unit": quantity.get("unit"),
        "ucum": quantity.get("code") if quantity.get("system") == "http://unitsofmeasure.org" else None,
        "text": text,
        "absent": absent,
    }


def _text(element: JsonObject) -> JsonValue:
    concept = _object(element, "valueCodeableConcept")
    coding = next(iter(_objects(concept, "coding")), {})
    for found in (
        concept.get("text"),
        coding.get("display"),
        coding.get("code"),
        element.get("valueString"),
        element.get("valueDateTime"),
    ):
        if found is not None:
            return found
    for name in ("valueBoolean", "valueInteger"):
        if name in element:
            return str(element[name]).lower()
    return None


def _absent(element: JsonObject) -> JsonValue:
    reason = _object(element, "dataAbsentReason")
    coding = next(iter(_objects(reason, "coding")), {})
    return coding.get("code") or reason.get("text")


def _effective(observation: JsonObject) -> JsonValue:
    period = _object(observation, "effectivePeriod")
    return (
        observation.get("effectiveDateTime")
        or observation.get("effectiveInstant")
        or period.get("start")
        or period.get("end")
    )


def _object(tree: JsonObject, name: str) -> JsonObject:
    return cast("JsonObject", tree.get(name) or {})


def _objects(tree: JsonObject, name: str) -> list[JsonObject]:
    return cast("list[JsonObject]", tree.get(name) or [])
