"""Patients and encounters as people know them: by name, date of birth, identifiers, place and time.

https://hl7.org/fhir/R4/patient.html, https://hl7.org/fhir/R4/encounter.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.json import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Choice:
    """One to choose: what it is called, and what tells it from others of that name."""

    id: str
    name: str
    details: str


def patient(tree: JsonObject) -> Choice:
    """A Patient by their usual name, date of birth, sex and identifiers."""
    id = str(tree["id"])
    details = [f"born {tree['birthDate']}" if "birthDate" in tree else "", str(tree.get("gender", ""))]
    identifiers = [str(each["value"]) for each in _objects(tree.get("identifier")) if "value" in each]
    details.extend(f"number {each}" for each in identifiers[:2])
    return Choice(id, _name(tree) or f"Patient {id}", ", ".join(each for each in details if each))


def encounter(tree: JsonObject) -> Choice:
    """An Encounter by its kind, time and state."""
    id, period = str(tree["id"]), tree.get("period")
    kinds = [text for each in _objects(tree.get("type")) if (text := _concept(each))]
    held = tree.get("class")
    kind = kinds[0] if kinds else str(held.get("display", "")) if isinstance(held, dict) else ""
    times = [str(period.get(end, ""))[:10] for end in ("start", "end")] if isinstance(period, dict) else []
    when = " to ".join(dict.fromkeys(time for time in times if time))
    details = (when, str(tree.get("status", "")))
    return Choice(id, kind or "Visit", ", ".join(each for each in details if each))


def _name(tree: JsonObject) -> str:
    names = sorted(_objects(tree.get("name")), key=lambda name: name.get("use") not in {"usual", "official"})
    for name in names:
        if "text" in name:
            return str(name["text"])
        given = name.get("given")
        parts = [*(map(str, given) if isinstance(given, list) else ()), str(name.get("family", ""))]
        if any(parts):
            return " ".join(part for part in parts if part)
    return ""


def _concept(concept: JsonObject) -> str:
    displays = (str(each["display"]) for each in _objects(concept.get("coding")) if "display" in each)
    return str(concept.get("text") or next(displays, ""))


def _objects(value: JsonValue) -> Iterator[JsonObject]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())
