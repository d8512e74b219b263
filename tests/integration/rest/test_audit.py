"""Every interaction leaves a record before it is answered: who, what, on whom, from where, and what came of it."""

import asyncio
import json
import re
from types import SimpleNamespace

import psycopg
import pytest

COLUMNS = "kind, action, outcome, subject, type, entity, patient, detail"
FHIR = {"Content-Type": "application/fhir+json"}
BREAK = "ALTER TABLE audit ADD CONSTRAINT broken CHECK (outcome > 99) NOT VALID"


@pytest.fixture
def records(database_url):
    """The records kept so far, or those after so many, oldest first."""

    def found(skip=0):
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(f"SELECT {COLUMNS} FROM audit ORDER BY xid, id").fetchall()
        return [SimpleNamespace(**dict(zip(COLUMNS.split(", "), row, strict=True))) for row in rows][skip:]

    return found


def observation(patient="p1", **more):
    tree = {"resourceType": "Observation", "status": "final", "code": {"text": "secret word"}} | more
    return json.dumps(tree | {"subject": {"reference": f"Patient/{patient}"}})


def alone(url, statement):
    """In a thread: it waits for every other transaction, and the server's own are on this test's event loop."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


async def made(client, **more):
    answer = await client.post("/fhir/Observation", content=observation(**more), headers=FHIR)
    assert answer.status_code == 201
    return answer.json()["id"]


async def test_a_create_is_recorded_with_its_version_and_its_patient(client, records):
    id = await made(client)
    (one,) = records()
    assert (one.kind, one.action, one.outcome, one.subject) == ("rest", "create", 0, "static-token")
    assert (one.type, one.entity, one.patient, one.detail["version"]) == ("Observation", id, "p1", 1)


async def test_a_read_an_update_and_a_deletion_are_recorded_with_their_versions(client, records):
    id = await made(client)
    await client.get(f"/fhir/Observation/{id}")
    await client.get(f"/fhir/Observation/{id}/_history/1")
    await client.put(f"/fhir/Observation/{id}", content=observation(id=id), headers=FHIR)
    await client.delete(f"/fhir/Observation/{id}")
    found = [(one.action, one.entity, one.patient, one.detail.get("version")) for one in records(1)]
    assert found == [
        ("read", id, "p1", 1),
        ("vread", id, "p1", 1),
        ("update", id, "p1", 2),
        ("delete", id, "p1", 3),
    ]


async def test_a_search_is_recorded_by_the_names_of_its_parameters_and_the_one_patient_it_is_about(
    client, records
):
    await client.get("/fhir/Observation?patient=Patient/p7&code=8867-4&value-quantity=gt90")
    await client.post("/fhir/Observation/_search", data={"subject": "p7", "code": "1234-5"})
    await client.get("/fhir/Observation?patient=p7,p8")
    one, form, two = records()
    assert (one.action, one.type, one.patient) == ("search-type", "Observation", "p7")
    assert one.detail["parameters"] == ["patient", "code", "value-quantity"]
    assert (form.patient, form.detail["parameters"]) == ("p7", ["subject", "code"])
    assert two.patient is None
    assert not {"8867", "90"} & set(re.findall(r"\d+", str(one.detail["parameters"])))


async def test_a_later_page_is_recorded_with_the_patient_whom_the_first_was_about(client, records):
    for _ in range(3):
        await made(client, patient="p7")
    for first in ("/fhir/Observation?patient=p7&_count=1", "/fhir/Patient/p7/Observation?_count=1"):
        url = first
        while url:
            page = (await client.get(url)).json()
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert [one.patient for one in records(3)] == ["p7"] * 6


async def test_a_name_that_is_none_is_not_kept_as_it_may_be_a_value(client, records):
    await client.get("/fhir/Patient?Doe, John=1")
    await client.get("/fhir/Patient?Smith")
    await client.get("/fhir/metadata?Smith")
    await client.get("/fhir/Patient/_history?Smith&_since=2020")
    kept = [one.detail["parameters"] for one in records()]
    assert kept == [["(unknown)"], ["(unknown)"], ["(unknown)", "_since"]]


async def test_a_request_id_and_the_address_of_the_caller_are_recorded(client, records):
    await client.get("/fhir/Patient/none", headers={"X-Request-Id": "abc-1"})
    (one,) = records()
    assert (one.detail["request"], one.detail["address"]) == ("abc-1", "127.0.0.1")
    assert (one.outcome, one.detail["reason"]) == (4, "404")


async def test_a_refusal_is_recorded_without_the_token_that_was_sent(client, records):
    await client.get("/fhir/Patient/p1", headers={"Authorization": "Bearer wrong-token"})
    (one,) = records()
    assert (one.outcome, one.subject, one.detail["reason"], one.patient) == (4, "", "401", "p1")
    assert "wrong-token" not in str(one)


async def test_each_entry_of_a_batch_has_a_record(client, records):
    entries = [
        {"request": {"method": "POST", "url": "Observation"}, "resource": json.loads(observation("p2"))},
        {"request": {"method": "GET", "url": "Observation?patient=p3&code=1"}},
        {"request": {"method": "GET", "url": "Patient/none"}},
        {"request": {"method": "DELETE", "url": "Nothing/1"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    await client.post("/fhir", content=json.dumps(bundle), headers=FHIR)
    found = sorted((one.action, one.outcome, one.patient) for one in records())
    assert found == [
        ("batch", 0, None),
        ("create", 0, "p2"),
        ("delete", 4, None),
        ("read", 4, "none"),
        ("search-type", 0, "p3"),
    ]


async def test_a_transaction_that_fails_leaves_a_record_of_each_entry_and_none_of_success(client, records):
    entries = [
        {"request": {"method": "POST", "url": "Observation"}, "resource": json.loads(observation("p2"))},
        {"request": {"method": "GET", "url": "Patient/none"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = await client.post("/fhir", content=json.dumps(bundle), headers=FHIR)
    assert answer.status_code == 404
    assert sorted((one.action, one.outcome) for one in records()) == [
        ("create", 4),
        ("read", 4),
        ("transaction", 4),
    ]


async def test_a_transaction_has_one_record_for_each_entry(client, records):
    entries = [
        {"request": {"method": "POST", "url": "Observation"}, "resource": json.loads(observation("p2"))},
        {"request": {"method": "GET", "url": "Observation?patient=p3"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = await client.post("/fhir", content=json.dumps(bundle), headers=FHIR)
    assert answer.status_code == 200
    assert sorted((one.action, one.outcome) for one in records()) == [
        ("create", 0), ("search-type", 0), ("transaction", 0),
    ]  # fmt: skip


async def test_requests_at_once_have_a_record_each(client, records):
    await asyncio.gather(*(client.get(f"/fhir/Patient/none-{number}") for number in range(30)))
    assert {one.entity for one in records()} == {f"none-{number}" for number in range(30)}


async def test_what_tells_nothing_of_anyone_is_not_recorded(client, records):
    await client.get("/fhir/metadata")
    await client.options("/fhir/Patient")
    assert records() == []


async def test_nothing_is_stored_and_nothing_told_when_the_audit_cannot_be_kept(
    client, records, database_url
):
    id = await made(client)
    await asyncio.to_thread(alone, database_url, BREAK)
    answers = [
        await client.get(f"/fhir/Observation/{id}"),
        await client.post("/fhir/Observation", content=observation(), headers=FHIR),
        await client.put(
            f"/fhir/Observation/{id}", content=observation(id=id, status="amended"), headers=FHIR
        ),
        await client.delete(f"/fhir/Observation/{id}"),
    ]
    assert [one.status_code for one in answers] == [503] * 4
    assert all("retry-after" in one.headers for one in answers)
    assert not any("secret word" in one.text for one in answers)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*), max(version) FROM resource").fetchone() == (1, 1)


async def test_nothing_is_recorded_where_the_operator_wants_no_audit(serving, records):
    async with serving(audit="off") as client:
        await made(client)
    assert records() == []


async def test_a_record_can_be_neither_changed_nor_removed(client, database_url):
    await made(client)
    with psycopg.connect(database_url, autocommit=True) as connection:
        (partition,) = connection.execute("SELECT tableoid::regclass::text FROM audit").fetchone()
    for statement in (
        "UPDATE audit SET outcome = 0",
        "DELETE FROM audit",
        "TRUNCATE audit",
        f"UPDATE {partition} SET outcome = 0",
        f"TRUNCATE {partition}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await asyncio.to_thread(alone, database_url, statement)
