"""What a lost connection, a lost race and a neighbour's long transaction do to a Bundle.

https://hl7.org/fhir/R4/http.html#transactional-integrity
"""

import asyncio
import json

import psycopg

from fhir_server.interactions.write import prepare
from fhir_server.store.predicate import EVERYTHING, Predicate
from tests.integration.rest.bundle.content import entry, observation, patient

FHIR = {"Content-Type": "application/fhir+json"}


async def test_nothing_stands_of_a_transaction_whose_connection_is_killed(
    client, send, database, database_url, count
):
    async with database.transaction() as work:
        await work.connection.execute("LOCK TABLE change_log IN ACCESS EXCLUSIVE MODE")
        entries = [entry("POST", "Patient", patient()) for _ in range(3)]
        running = asyncio.create_task(
            send("transaction", *entries, entry("PUT", "Patient/p", patient(id="p")))
        )
        await _killed(database_url, "INSERT INTO resource")
        answer = await running

    assert answer.status_code == 503
    assert await count("Patient") == 0


async def test_transactions_that_lock_the_same_resources_the_other_way_round_both_succeed(put, send, read):
    for id in "abcdef":
        await put(patient(id=id))

    def bundle(ids, gender):
        return [entry("PUT", f"Patient/{id}", patient(id=id, gender=gender)) for id in ids]

    answers = await asyncio.gather(
        *(send("transaction", *bundle("abcdef", "male")) for _ in range(4)),
        *(send("transaction", *bundle("fedcba", "female")) for _ in range(4)),
    )

    assert [answer.status_code for answer in answers] == [200] * 8
    assert {(await read(f"Patient/{id}"))["meta"]["versionId"] for id in "abcdef"} == {"9"}
    assert len({(await read(f"Patient/{id}"))["gender"] for id in "abcdef"}) == 1


async def test_two_transactions_that_make_the_same_id_become_two_versions(send, read):
    answers = await asyncio.gather(
        *(send("transaction", entry("PUT", "Patient/p", patient(id="p"))) for _ in range(8))
    )

    statuses = sorted(answer.json()["entry"][0]["response"]["status"] for answer in answers)
    assert statuses == ["200"] * 7 + ["201"]
    assert (await read("Patient/p"))["meta"]["versionId"] == "8"


async def test_a_long_transaction_about_a_new_patient_does_not_hold_up_others(client, database, put):
    draft = prepare("Observation", json.dumps(observation("Patient/new")).encode(), method="POST")
    await database.number([draft])
    async with database.transaction() as work:
        await work.create(draft)
        one = client.post("/fhir/Observation", content=json.dumps(observation("Patient/new")), headers=FHIR)
        answer = await asyncio.wait_for(one, 3)

    assert answer.status_code == 201


async def test_what_was_locked_for_a_bundle_is_told_visible_or_not(database, put):
    for id in ("mine", "theirs"):
        await put(patient(id=id))
    mine = Predicate("r.id = ANY(%s)", (["mine"],))

    async with database.transaction() as work:
        locked = await work.lock_all(
            {("Patient", "mine"): mine, ("Patient", "theirs"): mine, ("Patient", "no"): EVERYTHING}
        )
        mixed = await work.lock_all({("Patient", "mine"): mine, ("Patient", "theirs"): EVERYTHING})

    assert {key[1]: one.visible for key, one in locked.items()} == {"mine": True, "theirs": False}
    assert [one.visible for one in mixed.values()] == [True, True]


async def _killed(url, words):
    """Ends the one connection that is at a statement with `words`."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for _ in range(200):
            cursor = await connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE %s AND wait_event_type = 'Lock'",
                (f"%{words}%",),
            )
            found = await cursor.fetchone()
            if found:
                await connection.execute("SELECT pg_terminate_backend(%s)", found)
                return
            await asyncio.sleep(0.05)
    raise AssertionError("nobody was at such a statement")
