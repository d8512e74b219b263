"""What it costs to look a token up: the same reads under an access token and under the operator's, which nobody looks up.

docs/adr/0018-authorization-server.md

Both may see everything, so that the token is all that differs.
"""

from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Final

from fhir_server.store.database import Database
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.grants import Grants
from fhir_server.store.smart.users import Accounts
from smart_auth.clients import Client
from smart_auth.grants import Access, Grant, Once
from smart_auth.tokens import sha256, token
from smart_auth.users import User
from tests.benchmarks import fill, records
from tests.benchmarks.driver import drive, request
from tests.benchmarks.measure import ids
from tests.benchmarks.processes import TOKEN, Server
from tests.benchmarks.table import Report

_TURNS: Final = 5
_CONNECTIONS: Final = (1, 8, 64)
_SCOPE: Final = "user/*.rs"


async def compare(running: Server, report: Report, observations: int, count: int) -> None:
    """Says how much more CPU, of server and database, a read takes under an access token."""
    await fill.fill(running.database_url, records.readings(0, observations))
    (access,) = await access_tokens(running.database_url, 1)
    sent = {"operator's token": TOKEN, "access token": access}
    known = ids(running.database_url)
    for connections in _CONNECTIONS:
        spent: dict[str, list[float]] = {name: [] for name in sent}
        for _ in range(_TURNS):
            for name, bearer in sent.items():
                headers = {"Authorization": f"Bearer {bearer}"}
                before = running.cpu()
                reads = (
                    request("GET", f"/fhir/Observation/{id}", headers) for id in islice(cycle(known), count)
                )
                load = await drive(running.port, reads, connections)
                if load.statuses and set(load.statuses) != {200}:
                    raise SystemExit(f"The {name} was answered with {load.statuses}.")
                cpu = tuple(after - first for after, first in zip(running.cpu(), before, strict=True))
                report.row(f"read, {connections} connections, {name}", load, cpu)
                spent[name].append(sum(cpu))
        least = {name: 1e6 * min(seconds) / count for name, seconds in spent.items()}
        more = least["access token"] - least["operator's token"]
        report.say(f"read, {connections} connections: the access token takes {more:.0f} µs of CPU more")


async def access_tokens(url: str, count: int) -> list[str]:
    """Access tokens of an app for a practitioner who sees everyone, each of a grant of its own."""
    database = Database(url, size=2)
    await database.open()
    user = await Accounts(database).add(User("", "bench", "practitioner", fhir_user="Practitioner/1"), "none")
    await Clients(database).add(
        Client("bench", "Bench", "none", (_SCOPE,), redirect_uris=("https://b.example/",))
    )
    grants = Grants(database)
    tokens = [await _granted(grants, user, f"bench-{number}") for number in range(count)]
    await database.close()
    return tokens


async def _granted(grants: Grants, user: User, id: str) -> str:
    now, code, access = datetime.now(UTC), token("code"), token("access")
    until = now + timedelta(hours=1)
    await grants.open(Grant(id, "bench", user.id, (_SCOPE,), now, now), Once(sha256(code), "code", until))
    await grants.exchange(
        sha256(code), Access(sha256(access), "bench", (_SCOPE,), now, until, id), None, now, timedelta(0)
    )
    return access
