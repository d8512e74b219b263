"""A record of the audit as an AuditEvent.

https://hl7.org/fhir/R4/auditevent.html; codes: https://hl7.org/fhir/R4/valueset-audit-event-type.html
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from fhir_server.audit.record import Kind, Record
from fhir_server.clock import instant
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.json import JsonObject, JsonValue

REST: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
LOCAL: Final = "urn:fhir-server:code-system:audit-action"
SUBJECT: Final = "urn:fhir-server:audit-subject"
CLIENT: Final = "urn:fhir-server:client"
OBSERVER: Final = "fhir-server"

TYPES: Final[Mapping[Kind, tuple[str, str, str]]] = MappingProxyType(
    {
        "rest": (REST, "rest", "RESTful Operation"),
        "user": (DICOM, "110114", "User Authentication"),
        "token": (DICOM, "110114", "User Authentication"),
        "ingest": (DICOM, "110107", "Import"),
        "administration": (DICOM, "110113", "Security Alert"),
        "notification": (DICOM, "110106", "Export"),
    }
)
_SUBTYPES: Final = MappingProxyType(
    {"login": (DICOM, "110122", "Login"), "logout": (DICOM, "110123", "Logout")}
)
# https://hl7.org/fhir/R4/valueset-audit-event-action.html
_LETTERS: Final = MappingProxyType(
    {
        "notification": "R",
        "create": "C", "read": "R", "vread": "R", "history-instance": "R", "history-type": "R", "history-system": "R",
        "update": "U", "patch": "U", "delete": "D",
        "user-create": "C", "user-update": "U", "user-delete": "D",
        "client-create": "C", "client-update": "U", "client-delete": "D", "client-rotate": "U",
        "key-create": "C", "key-rotate": "U", "key-delete": "D",
        "device-create": "C", "device-update": "U", "device-delete": "D", "device-rotate": "U",
    }
)  # fmt: skip
_OUTCOMES: Final = MappingProxyType(
    {0: "Success", 4: "Minor failure", 8: "Serious failure", 12: "Major failure"}
)
_PERSON: Final = ("http://terminology.hl7.org/CodeSystem/audit-entity-type", "1", "Person")
_SYSTEM_OBJECT: Final = ("http://terminology.hl7.org/CodeSystem/audit-entity-type", "2", "System Object")
_PATIENT_ROLE: Final = ("http://terminology.hl7.org/CodeSystem/object-role", "1", "Patient")
_RESOURCE_ROLE: Final = ("http://terminology.hl7.org/CodeSystem/object-role", "4", "Domain Resource")
_QUERY_ROLE: Final = ("http://terminology.hl7.org/CodeSystem/object-role", "24", "Query")
_DESTINATION: Final = (DICOM, "110152", "Destination Role ID")
_IP: Final = "2"
_URI: Final = "5"


def letter(action: str) -> str:
    """`AuditEvent.action` of what an action is: C, R, U, D, or E for everything else."""
    return _LETTERS.get(action, "E")


def actions_of(letter: str) -> tuple[str, list[str]]:
    """A condition in SQL for the records whose action is of that letter, and its parameter."""
    if letter == "E":
        return "action <> ALL(%s)", list(_LETTERS)
    return "action = ANY(%s)", [action for action, its in _LETTERS.items() if its == letter]


def audit_event(id: str, at: datetime, record: Record) -> JsonObject:
    """The AuditEvent of a record; of a query it has the names of the parameters, and no value."""
    tree: JsonObject = {
        "resourceType": "AuditEvent",
        "id": id,
        "meta": {"versionId": "1", "lastUpdated": instant(at)},
        "type": _coding(*TYPES[record.kind]),
        "subtype": _subtypes(record),
        "action": letter(record.action),
        "recorded": instant(at),
        "outcome": str(record.outcome),
    }
    if record.outcome or record.reason:
        tree["outcomeDesc"] = " ".join(part for part in (_OUTCOMES[record.outcome], record.reason) if part)
    tree["agent"] = _agents(record)
    tree["source"] = {"observer": {"display": OBSERVER}}
    entities = _entities(record)
    return tree | ({"entity": entities} if entities else {})


def subtype(record: Record) -> tuple[str, str, str]:
    """System, code and display of what happened."""
    if record.kind == "rest":
        return INTERACTION, record.action, record.action
    return _SUBTYPES.get(record.action, (LOCAL, record.action, record.action))


def _subtypes(record: Record) -> list[JsonValue]:
    found: list[JsonValue] = [_coding(*subtype(record))]
    if record.name:
        found.append(_coding(LOCAL, record.name, record.name))
    return found


def _agents(record: Record) -> list[JsonValue]:
    agent, origin = record.agent, record.origin
    first: JsonObject = {"requestor": True}
    who: JsonObject = {}
    if agent.who:
        who["reference"] = agent.who
    if agent.subject:
        first["altId"] = agent.subject
        who["identifier"] = {"system": SUBJECT, "value": agent.subject}
    first["who"] = who or {"display": "nobody known"}
    if origin.address:
        first["network"] = {"address": origin.address, "type": _IP}
    agents: list[JsonValue] = [first]
    if agent.client and agent.subject != f"client:{agent.client}":
        agents.append({"who": {"identifier": {"system": CLIENT, "value": agent.client}}, "requestor": False})
    if record.destination:
        network: JsonObject = {"address": record.destination, "type": _URI}
        agents.append({"type": {"coding": [_coding(*_DESTINATION)]}, "requestor": False, "network": network})
    return agents


def _entities(record: Record) -> list[JsonValue]:
    entities: list[JsonValue] = []
    if record.type:
        entities.append(_what(record))
    if record.patient and (record.type, record.id) != ("Patient", record.patient):
        reference: JsonObject = {"reference": f"Patient/{record.patient}"}
        entities.append({"what": reference, "type": _coding(*_PERSON), "role": _coding(*_PATIENT_ROLE)})
    details = [
        *(("parameter", name) for name in record.parameters),
        *(("type", name) for name in record.types),
    ]
    if record.origin.request_id:
        details.append(("request-id", record.origin.request_id))
    if details:
        entities.append(
            {
                "type": _coding(*_SYSTEM_OBJECT),
                "role": _coding(*_QUERY_ROLE),
                "detail": [{"type": kind, "valueString": value} for kind, value in details],
            }
        )
    return entities


def _what(record: Record) -> JsonObject:
    """What it was done to: a resource, a type of resource, or something that is none."""
    if record.type not in RESOURCE_TYPES:
        identifier: JsonObject = {"system": f"urn:fhir-server:{record.type.lower()}", "value": record.id}
        return {"what": {"identifier": identifier}, "type": _coding(*_SYSTEM_OBJECT)}
    if not record.id:
        return {"what": {"type": record.type}, "type": _coding(*_SYSTEM_OBJECT)}
    version = f"/_history/{record.version}" if record.version else ""
    is_patient = record.type == "Patient"
    told: JsonObject = {"detail": [{"type": "events", "valueString": record.events}]} if record.events else {}
    return {
        "what": {"reference": f"{record.type}/{record.id}{version}"},
        "type": _coding(*(_PERSON if is_patient else _SYSTEM_OBJECT)),
        "role": _coding(*(_PATIENT_ROLE if is_patient else _RESOURCE_ROLE)),
        **told,
    }


def _coding(system: str, code: str, display: str) -> JsonObject:
    return {"system": system, "code": code, "display": display}
