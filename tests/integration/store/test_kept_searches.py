"""Searches that are kept for a while."""

from fhir_server.store.kept_searches import keep, kept


async def test_what_is_kept_comes_back_by_its_id_and_no_other(database):
    async with database.connection() as connection:
        first, second = await keep(connection, b"one", 60), await keep(connection, b"two", 60)

        assert await kept(connection, first) == b"one"
        assert await kept(connection, second) == b"two"
        assert await kept(connection, b"x" * 16) is None


async def test_what_has_expired_is_not_given_and_goes_when_something_else_is_kept(database):
    async with database.connection() as connection:
        expired = await keep(connection, b"one", -1)

        assert await kept(connection, expired) is None
        await keep(connection, b"two", 60)
        cursor = await connection.execute("SELECT sealed FROM kept_search")
        assert await cursor.fetchall() == [(b"two",)]
