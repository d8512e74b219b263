"""The dictionary of texts: each once, whoever comes first, and none of what was rolled back."""

import asyncio

import pytest

from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.rows import IndexRow, ParamText

TEXTS = (ParamText(7, 0, 1, "heart"), ParamText(7, 1, 1, "pulse"), ParamText(8, 0, 1, "x" * 10_000))


def draft(id: str) -> Draft:
    row = IndexRow(tokens=(7, 8), texts=TEXTS)
    return Draft("Basic", id, {"resourceType": "Basic", "code": {"text": "c"}}, row, "PUT")


async def kept(database: Database) -> list[tuple[int, int, str]]:
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT token, place, folded FROM token_text ORDER BY token, place")
        return await cursor.fetchall()


async def test_many_that_bring_the_same_texts_at_once_keep_each_once(database):
    await asyncio.gather(*(database.create_all([draft(f"b{n}")]) for n in range(8)))

    assert await kept(database) == [(one.token, one.place, one.folded) for one in TEXTS]


async def test_texts_of_a_transaction_that_failed_are_kept_by_the_next(database):
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as work:
            await work.create(draft("b1"))
            _ = 1 / 0
    assert await kept(database) == []

    await database.create_all([draft("b1")])
    assert len(await kept(database)) == 3


async def test_an_update_keeps_the_texts_it_brings(database):
    async with database.transaction() as work:
        await work.create(
            Draft("Basic", "b1", {"resourceType": "Basic", "code": {"text": "c"}}, IndexRow(), "PUT")
        )
    async with database.transaction() as work:
        current = await work.lock("Basic", "b1")
        await work.update(draft("b1"), current)

    assert len(await kept(database)) == 3
