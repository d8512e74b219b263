"""Who holds a token, asked by many requests at once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.search.served_resources import ServedResources
from fhir_server.store.smart.bearers import Bearers
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.grants import Grants
from smart_auth.clients import Client
from smart_auth.grants import Access
from smart_auth.tokens import sha256


@pytest.mark.parametrize("many", [1, 2, 5, 40])
async def test_requests_at_once_each_learn_of_their_own_token(database, many):
    now = datetime.now(UTC)
    until = now + timedelta(minutes=1)
    for number in range(many):
        id = f"c{number}"
        await Clients(database).add(Client(id, "C", "private_key_jwt", ("system/*.rs",), backend=True))
        access = Access(sha256(f"t{number}"), id, (f"system/Patient.r?_id=p{number}",), now, until)
        await Grants(database).issue(access, now)
    bearers = Bearers(database, "all", ServedResources())
    asked = [*range(many), "unknown", *range(many)]
    found = await asyncio.gather(*[bearers.holder(sha256(f"t{each}")) for each in asked])
    assert [each and (each.subject, *each.scopes) for each in found] == [
        None if each == "unknown" else (f"client:c{each}", f"system/Patient.r?_id=p{each}") for each in asked
    ]
