"""Units are kept once, whoever meets them first, with what they measure."""

import asyncio
from decimal import Decimal

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.search.params.quantity import unit
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.rows import IndexRow, NumberRange, ParamNumber
from terminology.systems import UCUM


def draft(id, *units, codings=()):
    one = Decimal(1)
    first, *others = units
    index = IndexRow(
        value=NumberRange(one, one, first),
        numbers=tuple(ParamNumber(7, one, one, other, codings) for other in others),
    )
    return Draft("Observation", id, {"resourceType": "Observation", "status": "final"}, index, "PUT")


async def kept(database):
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT system, code, display, dimension, factor, shift, divisor FROM unit ORDER BY code, display"
        )
        return await cursor.fetchall()


async def test_a_unit_is_kept_once_with_its_size_where_ucum_has_one(database):
    await database.create_all(
        [draft("a", unit(UCUM, "[degF]", "°F"), unit(UCUM, "[pH]", "")), draft("b", None)]
    )
    await database.create_all([draft("c", unit(UCUM, "[degF]", "°F"), unit("http://x", "[degF]", ""))])

    assert set(await kept(database)) == {
        (UCUM, "[degF]", "°F", "K1", 100, 45967, 180),
        ("http://x", "[degF]", "", None, None, None, None),
        (UCUM, "[pH]", "", None, None, None, None),
    }
    assert len(await kept(database)) == 3


async def test_an_update_keeps_its_unit_and_its_codings_too(database):
    await database.create_all([draft("a", None)])
    async with database.transaction() as work:
        current = await work.lock("Observation", "a")
        await work.update(draft("a", unit(UCUM, "mg", ""), unit(UCUM, "g", ""), codings=("s|c",)), current)

    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT u.code, c.codings FROM resource_number v JOIN unit u ON u.hash = v.unit "
            "JOIN code_set c ON c.key = v.code_set"
        )
        assert await cursor.fetchall() == [("g", '["s|c"]')]
    assert [row[1] for row in await kept(database)] == ["g", "mg"]


async def test_two_processes_that_meet_a_unit_at_once_both_have_it(database, database_url):
    other = Database(database_url, size=2)
    await other.open()
    try:
        units = [unit(UCUM, code, "") for code in ("mg", "g", "kg", "ug")]
        await asyncio.gather(
            *(
                each.create_all([draft(f"{name}{number}", *units)])
                for name, each in (("a", database), ("b", other))
                for number in range(8)
            )
        )
    finally:
        await other.close()

    assert [row[1] for row in await kept(database)] == ["g", "kg", "mg", "ug"]


async def test_a_unit_of_a_transaction_that_failed_is_made_by_the_next(database):
    with pytest.raises(RuntimeError, match="broken"):
        async with database.transaction() as work:
            await work.create(draft("a", unit(UCUM, "mg", "")))
            raise RuntimeError("broken")
    await database.create_all([draft("b", unit(UCUM, "mg", ""))])

    assert [row[1] for row in await kept(database)] == ["mg"]


async def test_a_unit_with_the_number_of_another_is_refused_and_not_taken_for_it(database):
    mg = unit(UCUM, "mg", "")
    await database.create_all([draft("a", mg)])

    with pytest.raises(Unprocessable, match="cannot be told from mg"):
        await database.create_all([draft("b", mg._replace(code="g"))])
