"""People and apps disabled and enabled while something else of them is changed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.users import Accounts
from smart_auth.clients import Client
from smart_auth.users import User

NOW = datetime.now(UTC)


@pytest.mark.item("smart-R5")
async def test_a_user_who_was_disabled_meanwhile_stays_so_and_a_change_meanwhile_stays(database):
    accounts = Accounts(database)
    seen = await accounts.add(User("", "mum", "patient", proxies=frozenset({"p1", "p2"})), "hash")
    await accounts.switch(seen, NOW)
    await accounts.change(replace(seen, proxies=frozenset({"p1"})))
    assert await accounts.person(seen.id) is None
    await accounts.switch(seen, None)
    person = await accounts.person(seen.id)
    assert person is not None
    assert person.proxies == {"p1"}


@pytest.mark.item("smart-R5")
async def test_an_app_that_was_disabled_meanwhile_stays_so_and_a_change_meanwhile_stays(database):
    clients = Clients(database)
    seen = Client("app", "App", "none", ("user/*.rs",), redirect_uris=("https://app.example/",))
    await clients.add(seen)
    await clients.switch(seen.id, disabled=True)
    await clients.change(replace(seen, scopes=("openid",)))
    assert await clients.find(seen.id) == replace(seen, scopes=("openid",), disabled=True)
    await clients.switch(seen.id, disabled=False)
    assert await clients.find(seen.id) == replace(seen, scopes=("openid",))
