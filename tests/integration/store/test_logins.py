"""What is kept of logins: how often passwords were tried, and what is only a hash."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from fhir_server.store.smart.sessions import Sessions
from fhir_server.store.smart.users import Accounts
from smart_auth.sessions import begin, find
from smart_auth.users import User


@pytest.mark.item("smart-1.9-throttle")
async def test_of_many_tries_at_once_five_are_looked_at(database):
    tried = await asyncio.gather(*(Accounts(database).attempt("anna") for _ in range(12)))
    assert tried.count(None) == 5
    assert await Accounts(database).attempt("bert") is None


@pytest.mark.item("smart-1.9-throttle")
async def test_the_wait_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten_after_a_day(
    database, database_url
):
    accounts = Accounts(database)
    with psycopg.connect(database_url, autocommit=True) as connection:
        waits = []
        for _ in range(12):
            await accounts.attempt("anna")
            waits.append(await accounts.attempt("anna"))
            connection.execute("UPDATE login_attempt SET wait_until = clock_timestamp()")
        late = [round(wait.total_seconds(), -1) for wait in waits if wait is not None]
        assert late == [30, 60, 120, 240, 480, 900, 900, 900, 900, 900]
        connection.execute("UPDATE login_attempt SET last_at = last_at - interval '25 hours'")
        assert [await accounts.attempt("anna") for _ in range(5)] == [None] * 5
        await accounts.succeeded("anna")
        assert connection.execute("SELECT count(*) FROM login_attempt").fetchone() == (0,)


@pytest.mark.item("smart-T7")
async def test_neither_passwords_nor_names_that_were_typed_nor_cookies_are_kept(database, database_url):
    accounts = Accounts(database)
    anna = await accounts.add(User("", "anna", "admin"), "hash")
    await accounts.attempt("typed-by-mistake")
    sessions = Sessions(database, idle=timedelta(minutes=1), longest=timedelta(hours=1))
    secret, session = await begin(sessions, anna, None)
    assert await find(sessions, secret) == session
    with psycopg.connect(database_url) as connection:
        kept = connection.execute(
            "SELECT (SELECT string_agg(s::text, ' ') FROM login_session s) || (SELECT string_agg(a::text, ' ') FROM login_attempt a)"
        ).fetchone()[0]
    assert secret not in kept
    assert "typed-by-mistake" not in kept


async def test_a_password_is_chosen_only_in_place_of_the_one_that_was_proved(database):
    accounts, until = Accounts(database), datetime.now(UTC) + timedelta(days=7)
    anna = await accounts.add(User("", "anna", "admin"), "old")
    sessions = Sessions(database, idle=timedelta(minutes=1), longest=timedelta(hours=1))
    await accounts.set_password(anna, "one-time", until)
    secret, _ = await begin(sessions, anna, None)

    await accounts.rehash(anna, "old", "old anew")
    assert not await accounts.choose(anna, "old", "of a thief")
    kept = await accounts.find("anna")
    assert kept is not None
    assert (kept.password, kept.user.password_until) == ("one-time", until)
    assert await find(sessions, secret) is not None
    assert await accounts.choose(anna, "one-time", "new")
    kept = await accounts.find("anna")
    assert kept is not None
    assert (kept.password, kept.user.password_until) == ("new", None)
    assert await find(sessions, secret) is None
