"""Thousands of entries in one transaction: how many statements they take, and that others go on meanwhile.

https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio

import pytest

from tests.integration.rest.bundle.content import entry, identified, observation, patient, urn
from tests.integration.rest.bundle.wire import wire

MANY = 1_000
"""Of each of five kinds."""

MOST_STATEMENTS = 25
"""By the connection that the transaction has to itself: by others the background looks for work meanwhile, the longer the more."""

MOST_MEANWHILE = 10
"""Answers that a server could give which stops for the parts of a transaction in turn: read, check, write, answer."""


@pytest.fixture
async def counted(database_url):
    """A wire to the database, which counts the statements that pass."""
    async with wire(database_url) as made:
        yield made


@pytest.fixture
async def client(counted, serving):
    async with serving(database_url=counted.url) as opened:
        yield opened


async def test_five_thousand_entries_take_few_statements(send, transact, counted, count):
    await transact(*[entry("PUT", f"Patient/u{n}", patient(f"u{n}", id=f"u{n}")) for n in range(MANY)])
    await transact(*[entry("PUT", f"Patient/d{n}", patient(f"d{n}", id=f"d{n}")) for n in range(MANY)])
    before = counted.statements.copy()

    answer = await send(
        "transaction",
        *[entry("PUT", f"Patient/u{n}", patient(f"u{n}", id=f"u{n}", active=True)) for n in range(MANY)],
        *[entry("DELETE", f"Patient/d{n}") for n in range(MANY)],
        *[
            entry("POST", "Patient", patient(f"n{n}"), urn(n + 1), ifNoneExist=identified(f"n{n}"))
            for n in range(MANY)
        ],
        *[entry("POST", "Observation", observation(urn(n + 1))) for n in range(MANY)],
        *[entry("POST", "Observation", observation(f"Patient?{identified(f'u{n}')}")) for n in range(MANY)],
        Prefer="return=minimal",
    )

    taken = max((counted.statements - before).values())
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.json()["entry"]) == 5 * MANY

    assert 0 < taken < MOST_STATEMENTS
    assert await count("Patient") == 2 * MANY
    assert await count("Observation") == 2 * MANY


async def test_others_are_answered_while_a_large_transaction_is_made(client, send):
    entries = [entry("POST", "Observation", observation("Patient/p")) for _ in range(3_000)]
    running = asyncio.create_task(send("transaction", *entries, Prefer="return=minimal"))
    answered = 0
    while not running.done():
        await client.get("/fhir/Patient/none")
        answered += 1

    assert (await running).status_code == 200
    assert answered > MOST_MEANWHILE
