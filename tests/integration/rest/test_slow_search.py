"""A search that takes longer than a statement may says what to narrow."""

import psycopg
import pytest

PATIENT = {"resourceType": "Patient", "id": "p1"}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"text": "x"},
    "subject": {"reference": "Patient/p1/_history/1"},
}


async def refused(serving, fhir, database_url, query, *, locked):
    """The issue of a search while another session holds `locked`, so that the statement cannot end in time."""
    async with serving(statement_timeout_ms=200) as client:
        for tree in (PATIENT, OBSERVATION):
            answer = await client.put(f"/fhir/{tree['resourceType']}/{tree['id']}", **fhir(tree))
            assert answer.status_code == 201
        with psycopg.connect(database_url) as other:
            other.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
            answer = await client.get(f"/fhir/{query}")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    (issue,) = answer.json()["issue"]
    assert issue["code"] == "too-costly"
    return issue["diagnostics"], issue.get("expression")


@pytest.mark.parametrize(
    ("query", "advice", "expression"),
    [
        ("Observation?status=final", "Give status fewer values, or add patient, code or date.", "status"),
        ("Observation?status=final&patient=p1&code=x&date=2026", "Give status, patient, code, date fewer values.", "status"),
        ("Observation", "Add patient, code or date.", None),
        ("Observation?device.status=active", "Narrow device.status: what it leads over is found whole first. Or add patient, code or date.", "device.status"),
        ("Patient?_has:Observation:patient:code=x", "Narrow _has:Observation:patient:code: what it leads over is found whole first. Or add birthdate.", "_has:Observation:patient:code"),
        ("Observation?patient=p1&_sort=status,-date", "Leave out _sort=status,-date: it has every match looked at. Or give patient fewer values, or add code or date.", "_sort"),
        ("?_type=Patient,Observation&_profile=http://x", "Give _profile fewer values, or name fewer types with _type.", "_profile"),
        ("Patient/p1/*", "Name fewer types with _type.", None),
        ("Observation?status=final&_count=0", "Ask for _total=estimate, or none: counting looks at every match.", "_total"),
    ],
)  # fmt: skip
async def test_it_names_what_to_narrow(serving, fhir, database_url, query, advice, expression):
    diagnostics, named = await refused(serving, fhir, database_url, query, locked="resource")
    assert diagnostics == f"The search took longer than this server allows. {advice}"
    assert named == ([expression] if expression else None)


async def test_it_names_the_include_that_takes_too_long(serving, fhir, database_url):
    query = "Observation?_id=o1&_include=Observation:patient&_revinclude=Provenance:target"
    diagnostics, named = await refused(serving, fhir, database_url, query, locked="resource_history")
    assert diagnostics.endswith(
        "Leave out some of _include=Observation:patient, _revinclude=Provenance:target, or ask for a smaller _count."
    )
    assert named == ["_include"]
