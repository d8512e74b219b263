"""The audit of the soak tests finds what a broken server would leave behind."""

import pytest

from fhir_server.interactions import write
from fhir_server.json import parse
from fhir_server.store.database import Database
from tests.soak.audit import broken_promises
from tests.soak.ledger import Ledger
from tests.soak.load import observation, patient


def draft(type: str, id: str, text: bytes):
    return write.draft(type, parse(text), id=id, method="PUT")


@pytest.fixture
async def kept(database: Database) -> Ledger:
    """A database in which a few promises were kept, and the books about them."""
    async with database.transaction() as work:
        await work.create(draft("Observation", "o1", observation("c-1", 1)))
        await work.create(draft("Patient", "u1", patient("u1", "first")))
    async with database.transaction() as work:
        await work.update(draft("Patient", "u1", patient("u1", "second")), await work.lock("Patient", "u1"))
    async with database.transaction() as work:
        await work.delete(await work.lock("Patient", "u1"))
    ledger = Ledger(creates={"c-1": "o1"}, versions={("u1", "first"): 1, ("u1", "second"): 2})
    ledger.deletions["u1"] = [3]
    return ledger


async def test_kept_promises_are_in_order(database_url: str, kept: Ledger):
    assert broken_promises(database_url, kept) == []


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("DELETE FROM resource WHERE id = 'o1'", "c-1 was promised as o1 and is []"),
        ("DELETE FROM resource_history WHERE version = 1", "a version is missing from a history"),
        ("UPDATE resource SET version = 4 WHERE id = 'u1'", "a version is missing from a history"),
        ("DELETE FROM change_log WHERE version = 2", "a version is not in the change log once"),
        (
            "INSERT INTO change_log (type, rid, version, last_updated) SELECT type, rid, version, now() FROM change_log",
            "a version is not in the change log once",
        ),
        ("UPDATE change_log SET last_updated = '2000-01-01' WHERE version = 3", "a version is not later"),
        (
            "UPDATE resource SET last_updated = now() + '1 h' WHERE id = 'o1'",
            "a change and its version disagree",
        ),
        (
            "UPDATE resource SET body = NULL WHERE id = 'o1'",
            "a deleted resource has a body, or another has none",
        ),
        ("DELETE FROM patient_key", "a patient's number is of no patient"),
        ("DELETE FROM code_set_coding", "a set of codings is of no codings"),
        ("UPDATE patient_key SET id = 'other'", "an Observation is about another patient than its row"),
        (
            "UPDATE resource_history SET body = jsonb_set(body, '{identifier,0,value}', '\"x\"') WHERE version = 2",
            "('u1', 'second') was promised as version 2 and is []",
        ),
        (
            "UPDATE resource SET body = jsonb_set(body, '{meta,versionId}', '\"2\"') WHERE id = 'o1'",
            "a body says",
        ),
    ],
)
async def test_each_kind_of_damage_is_found(
    database: Database, database_url: str, kept: Ledger, damage: str, fault: str
):
    async with database.connection() as connection:
        await connection.execute(damage)

    assert any(found.startswith(fault) for found in broken_promises(database_url, kept))


async def test_a_lost_reading_a_half_one_and_one_nobody_sent_are_found(database: Database, database_url: str):
    tree = (
        '{"resourceType": "Observation", "status": "final", "code": {"text": "t"}, "device": {"reference": "Device/d"}, '
        '"effectiveDateTime": "2025-01-01T00:00:00Z", "valueQuantity": {"value": 97}}'
    )
    async with database.transaction() as work:
        await work.create(draft("Observation", "r1", tree.encode()))
    key, other = ("Device/d", "2025-01-01T00:00:00Z"), ("Device/d", "2025-01-01T00:00:01Z")

    half = Ledger(readings={key: (97, 60)}, promised={key})
    lost = Ledger(readings={key: (97, 97), other: (98, 60)}, promised={key, other})
    for ledger, fault in (
        (half, "sent (97, 60)"),
        (lost, "1 of 2 readings are missing"),
        (Ledger(), "sent None"),
    ):
        assert any(fault in found for found in broken_promises(database_url, ledger))
