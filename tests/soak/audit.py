"""The database held against the books: nothing promised is missing, nothing is half there, every history is whole.

https://hl7.org/fhir/R4/http.html#history
"""

from collections import defaultdict

import psycopg

from tests.soak.ledger import Ledger
from tests.soak.load import MARKS

_INVARIANTS = {
    "a version is missing from a history": """
        SELECT r.id, r.version FROM resource r LEFT JOIN resource_history h USING (rid)
         GROUP BY r.rid HAVING count(h.version) <> r.version - 1
            OR coalesce(max(h.version), 0) <> r.version - 1 OR coalesce(min(h.version), 1) <> 1""",
    "a version is not in the change log once": """
        SELECT r.id, r.version FROM resource r LEFT JOIN change_log c USING (rid)
         GROUP BY r.rid HAVING count(*) <> r.version OR count(DISTINCT c.version) <> r.version
            OR min(c.version) <> 1 OR max(c.version) <> r.version""",
    "a change is of no resource": "SELECT rid FROM change_log c WHERE NOT EXISTS (SELECT FROM resource WHERE rid = c.rid)",
    "a history is of no resource": """
        SELECT rid FROM resource_history h WHERE NOT EXISTS (SELECT FROM resource WHERE rid = h.rid)""",
    "a version is not later than the one before": """
        SELECT rid, version FROM (
          SELECT rid, version, last_updated, lag(last_updated) OVER (PARTITION BY rid ORDER BY version) AS before
            FROM change_log) AS v WHERE last_updated <= before""",
    "a change and its version disagree about the time": """
        SELECT r.id FROM change_log c JOIN resource r USING (rid, version) WHERE c.last_updated <> r.last_updated""",
    "a body says another version than its row": """
        SELECT id, version FROM resource WHERE NOT deleted AND body -> 'meta' ->> 'versionId' <> version::text""",
    "a deleted resource has a body, or another has none": """
        SELECT id FROM resource WHERE deleted <> (body IS NULL)""",
    "a patient's number is of no patient": """
        SELECT id FROM resource r WHERE patient IS NOT NULL
           AND NOT EXISTS (SELECT FROM patient_key WHERE key = r.patient)""",
    "a set of codings is of no codings": """
        SELECT id FROM resource r WHERE code_set IS NOT NULL
           AND NOT EXISTS (SELECT FROM code_set_coding WHERE code_set = r.code_set)""",
    "an Observation is about another patient than its row": """
        SELECT r.id FROM resource r JOIN patient_key p ON p.key = r.patient
         WHERE body ->> 'resourceType' = 'Observation' AND body #>> '{subject,reference}' <> 'Patient/' || p.id""",
}

_MARKED = """
SELECT id, version, body #>> '{identifier,0,value}', body ->> 'resourceType' FROM (
  SELECT id, version, body FROM resource
  UNION ALL SELECT r.id, h.version, h.body FROM resource_history h JOIN resource r USING (rid)) AS v
 WHERE body #>> '{identifier,0,system}' = %s"""

_DELETIONS = """
SELECT id, version FROM resource WHERE deleted
UNION ALL SELECT r.id, h.version FROM resource_history h JOIN resource r USING (rid) WHERE h.body IS NULL"""

_READINGS = """
SELECT body #>> '{device,reference}',
       to_char((body ->> 'effectiveDateTime')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       array_agg((body #>> '{valueQuantity,value}')::numeric::int), max(version)
  FROM resource WHERE body ->> 'resourceType' = 'Observation' AND body ? 'device' GROUP BY 1, 2"""


def broken_promises(url: str, ledger: Ledger) -> list[str]:
    """Everything in the database at `url` that is not as the ledger has it; an empty list is what one hopes for."""
    with psycopg.connect(url) as connection:
        return [
            *_broken_rules(connection),
            *_creates(connection, ledger),
            *_versions(connection, ledger),
            *_deletions(connection, ledger),
            *_readings(connection, ledger),
        ]


def unrecorded(url: str, ledger: Ledger) -> list[str]:
    """What was promised, and what is stored of what clients wrote, without a record in the server's audit."""
    with psycopg.connect(url) as connection:
        kept = set(
            connection.execute("SELECT entity, (detail ->> 'version')::int FROM audit WHERE outcome = 0")
        )
        stored = {(id, version) for id, version, *_ in connection.execute(_MARKED, [MARKS])}
    promised = {(id, 1) for id in ledger.creates.values() if id is not None}
    promised |= {(id, version) for (id, _), version in ledger.versions.items() if version is not None}
    return [f"{one} is not in the audit" for one in sorted((promised | stored) - kept)]


def broken_rules(url: str) -> list[str]:
    """What in the database at `url` cannot be, whatever was sent."""
    with psycopg.connect(url) as connection:
        return _broken_rules(connection)


def _broken_rules(connection: psycopg.Connection) -> list[str]:
    found = []
    for fault, query in _INVARIANTS.items():
        if rows := connection.execute(query + " LIMIT 5").fetchall():
            found.append(f"{fault}: {rows}")
    return found


def _creates(connection: psycopg.Connection, ledger: Ledger) -> list[str]:
    ids = defaultdict(list)
    for id, _, mark, type in connection.execute(_MARKED, [MARKS]):
        if type == "Observation":
            ids[mark].append(id)
    faults = [f"{mark} was created as {made}" for mark, made in ids.items() if len(made) > 1]
    for mark, id in ledger.creates.items():
        if id is not None and ids[mark] != [id]:
            faults.append(f"{mark} was promised as {id} and is {ids[mark]}")
    return faults + [f"{mark} was never sent" for mark in ids if mark not in ledger.creates]


def _versions(connection: psycopg.Connection, ledger: Ledger) -> list[str]:
    there: dict[tuple[str, str], list[int]] = defaultdict(list)
    for id, version, mark, type in connection.execute(_MARKED, [MARKS]):
        if type == "Patient":
            there[id, mark].append(version)
    faults = [f"{key} was stored as {found}" for key, found in there.items() if len(found) > 1]
    for key, version in ledger.versions.items():
        if version is not None and there[key] != [version]:
            faults.append(f"{key} was promised as version {version} and is {there[key]}")
    return faults + [f"{key} was never sent" for key in there if key not in ledger.versions]


def _deletions(connection: psycopg.Connection, ledger: Ledger) -> list[str]:
    there = defaultdict(set)
    for id, version in connection.execute(_DELETIONS):
        there[id].add(version)
    faults = []
    for id, attempts in ledger.deletions.items():
        promised = [version for version in attempts if version is not None]
        # A deletion of what is deleted already names the version of the first one.
        if missing := set(promised) - there[id]:
            faults.append(f"{id} was promised to be deleted as {missing}; its deletions are {there[id]}")
        if len(there[id]) > len(attempts):
            faults.append(f"{id} was deleted {len(there[id])} times at {len(attempts)} requests")
    return faults


def _readings(connection: psycopg.Connection, ledger: Ledger) -> list[str]:
    faults, there = [], set()
    for device, time, values, version in connection.execute(_READINGS):
        there.add((device, time))
        expected = ledger.readings.get((device, time))
        if expected is None or sorted(values) != sorted(expected) or version != 1:
            faults.append(f"{device} at {time}: {values}, version {version}, sent {expected}")
    if lost := ledger.promised - there:
        faults.append(f"{len(lost)} of {len(ledger.promised)} readings are missing: {sorted(lost)[:5]}")
    return faults
