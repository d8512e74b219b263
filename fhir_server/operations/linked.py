"""What the resources of a record refer to, to make sense of them: practitioners, organizations, devices, medications.

https://hl7.org/fhir/R4/patient-operation-everything.html

Only types that belong to no patient are followed, and only resources that are about none: to refer to another patient's
record does not open it.
"""

from collections.abc import Iterable
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPE_NAMES, RESOURCE_TYPES
from fhir_server.operations.mentions import mentions
from fhir_server.operations.patient_record import START, Connection, Entry
from fhir_server.operations.record_scope import Scope
from fhir_server.store.rows import Key

SHARED: Final = frozenset(
    {
        "ActivityDefinition", "Binary", "Device", "DeviceDefinition", "DeviceMetric", "Endpoint", "HealthcareService",
        "Library", "Location", "Medication", "MedicationKnowledge", "Organization", "OrganizationAffiliation",
        "PlanDefinition", "Practitioner", "PractitionerRole", "Questionnaire", "ResearchStudy", "Slot", "Substance",
    }
)  # fmt: skip
ROUNDS: Final = 3  # a PractitionerRole leads to its Organization, a metric to its device, that to its owner

_LINKED: Final = """
SELECT r.type, r.id, r.body::text
  FROM resource r JOIN unnest(%s::smallint[], %s::text[]) AS key (type, id) ON r.type = key.type AND r.id = key.id
 WHERE r.patient IS NULL AND NOT r.deleted AND {wanted} ORDER BY r.type, r.id"""


async def linked(
    connection: Connection, scope: Scope, record: Iterable[Entry], seen: set[Key]
) -> list[Entry]:
    """What the resources of `record` refer to, `ROUNDS` deep, but for what is in `seen`, which learns of it."""
    found, last = list[Entry](), list(record)
    known = {(entry.type, entry.id) for entry in last}
    for _ in range(ROUNDS):
        named = {key for entry in last for key in mentions(entry.body, scope.base_url)} - seen
        keys = {key for key in named if key[0] in SHARED and key[0] in scope.granted}
        if not keys:
            break
        seen |= keys
        last = [
            entry for entry in await _read(connection, scope, sorted(keys)) if _is_open(entry, scope, known)
        ]
        found += last
    return found


def _is_open(entry: Entry, scope: Scope, known: set[Key]) -> bool:
    """Whether the entry may be seen by who sees `known`: a Binary's security context stands for it.

    https://hl7.org/fhir/R4/binary.html#security
    """
    return entry.type != "Binary" or all(key in known for key in mentions(entry.body, scope.base_url))


async def _read(connection: Connection, scope: Scope, keys: list[Key]) -> list[Entry]:
    wanted = scope.wanted({type for type, _ in keys})
    sql = _LINKED.format(wanted=wanted.sql)
    params = ([RESOURCE_TYPES[type] for type, _ in keys], [id for _, id in keys], *wanted.params)
    cursor = await connection.execute(sql, params, prepare=False)
    return [Entry(RESOURCE_TYPE_NAMES[type], id, body, START) for type, id, body in await cursor.fetchall()]
