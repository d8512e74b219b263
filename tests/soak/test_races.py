"""Clients that race for the same condition: exactly one of them wins, in every round, over two workers.

https://hl7.org/fhir/R4/http.html#concurrency; https://hl7.org/fhir/R4/http.html#ccreate
"""

import asyncio
import json
from collections import Counter

import psycopg
import pytest

from tests.soak.client import FHIR, Answer, Client
from tests.soak.load import observation, patient
from tests.soak.server import Server, serving

pytestmark = pytest.mark.soak

ROUNDS = 40


@pytest.fixture(scope="module")
def server():
    with serving(workers=2) as running:
        yield running


async def test_sixty_four_clients_with_the_same_if_none_exist_make_one_resource(server: Server):
    clients = [Client(server.port) for _ in range(64)]
    outcomes: Counter[int] = Counter()
    for number in range(ROUNDS):
        condition = {"If-None-Exist": f"identifier=urn:example:soak|race-{number}"}
        body = observation(f"race-{number}", number)
        answers = await race(clients, "POST", "/fhir/Observation", FHIR | condition, body)
        statuses = Counter(answer.status for answer in answers)
        outcomes += statuses
        assert statuses[201] == 1, statuses
        assert statuses.keys() <= {200, 201}, statuses
        ids = {answer.headers["location"].split("/Observation/")[1].split("/")[0] for answer in answers}
        assert len(ids) == 1
    close(clients)
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM resource WHERE body #>> '{identifier,0,value}' LIKE 'race-%'"
        )
        assert row.fetchone() == (ROUNDS,)
    print(f"\n{ROUNDS} rounds: {dict(outcomes)}")


async def test_of_thirty_two_updates_of_the_same_version_exactly_one_wins(server: Server):
    clients = [Client(server.port) for _ in range(32)]
    first = await clients[0].send("PUT", "/fhir/Patient/race", FHIR, patient("race", "start"))
    version, outcomes = first.json()["meta"]["versionId"], Counter[int]()
    for number in range(ROUNDS):
        bodies = [patient("race", f"{number}-{lane}") for lane in range(32)]
        headers = FHIR | {"If-Match": f'W/"{version}"'}
        answers = await race(clients, "PUT", "/fhir/Patient/race", headers, *bodies)
        statuses = Counter(answer.status for answer in answers)
        outcomes += statuses
        assert statuses[200] == 1, statuses
        assert statuses.keys() <= {200, 412}, statuses
        won = next(lane for lane, answer in enumerate(answers) if answer.status == 200)
        current = await clients[0].send("GET", "/fhir/Patient/race")
        assert current.json()["identifier"] == json.loads(bodies[won])["identifier"]
        version = current.json()["meta"]["versionId"]
    assert int(version) == ROUNDS + 1
    close(clients)
    print(f"\n{ROUNDS} rounds: {dict(outcomes)}")


async def race(
    clients: list[Client], method: str, path: str, headers: dict[str, str], *bodies: bytes
) -> list[Answer]:
    """Each client's answer to the same request at the same time; with several bodies each sends its own."""
    return list(
        await asyncio.gather(
            *(
                client.send(method, path, headers, bodies[number % len(bodies)])
                for number, client in enumerate(clients)
            )
        )
    )


def close(clients: list[Client]) -> None:
    for client in clients:
        client.close()
