"""A hundred thousand requests that no client would send on purpose, over real connections: none of them is a 500.

https://hl7.org/fhir/R4/http.html#Status-Codes
"""

import asyncio
from collections import Counter
from urllib.parse import quote

import pytest

from tests.contract.test_fuzz import Fuzzer
from tests.soak.client import BEARER, Client, Unanswered
from tests.soak.server import Server, serving

pytestmark = pytest.mark.soak

REQUESTS, CLIENTS = 100_000, 8
_FRAMING = {"content-length", "host", "content-encoding"}
"""Lines that say how long a request is are the connection's own here."""


async def test_none_of_a_hundred_thousand_fuzzed_requests_is_answered_with_a_500():
    with serving(workers=2) as server:
        workers = server.worker_pids()
        statuses, failures = Counter[int](), []
        await asyncio.gather(*(client(server, seed, statuses, failures) for seed in range(CLIENTS)))
        print(f"\nanswers by status (0: refused by closing): {dict(sorted(statuses.items()))}")

        assert failures == []
        assert statuses.total() == REQUESTS
        assert statuses[0] < REQUESTS / 20
        assert server.worker_pids() == workers
        assert server.status("/ready") == 200
        assert server.failures() == []


async def client(server: Server, seed: int, statuses: Counter[int], failures: list[object]) -> None:
    fuzzer, connection = Fuzzer(seed), Client(server.port)
    for _ in range(REQUESTS // CLIENTS):
        method, path, query, fields, body = fuzzer.request()
        headers = {name.decode(): value.decode("latin-1") for name, value in fields}
        headers = BEARER | {name: value for name, value in headers.items() if name not in _FRAMING}
        target = quote(path, safe="/%$:;=") + (f"?{quote(query, safe='/%&=:|,$;')}" if query else "")
        try:
            answer = await connection.send(method or "GET", target, headers, body)
        except Unanswered:
            statuses[0] += 1
            continue
        statuses[answer.status] += 1
        if answer.status >= 500 and len(failures) < 20:
            failures.append((method, target, headers, body, answer))
    connection.close()
