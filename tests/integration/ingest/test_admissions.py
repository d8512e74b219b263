"""Copies, rates and lost workers, across two workers on one database."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.interactions.ingest_gateway import gateway, pipeline
from fhir_server.store.devices.admissions import DeviceAdmissions
from ingest.errors import RateLimited
from ingest.gateway import Gateway
from ingest.ports import Answer


def body(seconds=5):
    return f'{{"timestamp": "{(datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()}", "data": {{"spo2": 97}}}}'.encode()


async def test_a_copy_at_another_worker_is_answered_as_the_first_and_stores_nothing(clinic):
    first, second = await clinic.worker(), await clinic.worker()
    device = await clinic.device(client=first)
    text = body()
    headers = device.signed("POST", "/ingest/readings", text)
    answers = [
        await worker.post("/ingest/readings", content=text, headers=headers)
        for worker in (first, second, first)
    ]
    assert {each.content for each in answers} == {answers[0].content}
    assert answers[0].json()["results"][0]["status"] == "created"
    assert (
        await clinic.scalar(
            "SELECT count(*) FROM change_log WHERE rid IN (SELECT rid FROM resource WHERE body ->> 'resourceType' = 'Observation')"
        )
        == 1
    )


async def test_twins_at_two_workers_get_one_answer(clinic):
    workers = [await clinic.worker(), await clinic.worker()]
    device = await clinic.device(client=workers[0])
    text = body()
    headers = device.signed("POST", "/ingest/readings", text)
    answers = await asyncio.gather(
        *[workers[n % 2].post("/ingest/readings", content=text, headers=headers) for n in range(12)]
    )
    assert [each.status_code for each in answers] == [200] * 12
    assert {each.json()["results"][0]["status"] for each in answers} == {"created"}
    assert await clinic.observations() == 1


async def test_a_rejected_reading_is_kept_once_however_often_it_comes(clinic):
    device = await clinic.device()
    text, now = b'{"timestamp": 1, "data": {"spo2": 97}}', int(device.clock())
    for stamp in (0, 1, 2):
        headers = device.signed("POST", "/ingest/readings", text, now - stamp)
        answer = await device.client.post("/ingest/readings", content=text, headers=headers)
        assert answer.status_code == 207
    assert await clinic.scalar("SELECT array_agg(times) FROM dead_letter") == [3]


async def test_a_worker_that_died_between_commit_and_answer_costs_nothing(clinic):
    class Killed(BaseException):
        pass

    class DyingAdmissions(DeviceAdmissions):
        async def answered(self, device: int, signature: bytes, answer: Answer) -> None:
            raise Killed

    dying_admissions = DyingAdmissions(clinic.database, rate=50, burst=200, lease_seconds=0.2)
    dying = Gateway(clinic.pipeline(), dying_admissions, lambda: datetime.now(UTC))
    heir = Gateway(
        clinic.pipeline(),
        DeviceAdmissions(clinic.database, rate=50, burst=200, lease_seconds=0.2),
        lambda: datetime.now(UTC),
    )
    device = await clinic.device(client=await clinic.worker(dying))
    text = body()
    headers = device.signed("POST", "/ingest/readings", text)
    with pytest.raises(Killed):
        await device.client.post("/ingest/readings", content=text, headers=headers)
    assert await clinic.observations() == 1
    again = await (await clinic.worker(heir)).post("/ingest/readings", content=text, headers=headers)
    assert again.json()["results"][0]["status"] == "unchanged"
    assert await clinic.observations() == 1


async def test_the_rate_is_one_for_all_workers_and_fills_again(clinic):
    workers = [DeviceAdmissions(clinic.database, rate=2, burst=3) for _ in range(2)]
    outcomes = []
    for number in range(6):
        try:
            outcomes.append(await workers[number % 2].admit(7, bytes([number])))
        except RateLimited as limited:
            outcomes.append(limited.retry_after)
    assert outcomes[:3] == [None] * 3
    assert 1 in outcomes[3:]
    await asyncio.sleep(0.6)
    assert await workers[0].admit(7, b"later") is None
    assert await workers[0].admit(8, b"another device") is None


async def test_a_limited_request_may_be_sent_again_with_its_signature(clinic):
    worker = DeviceAdmissions(clinic.database, rate=2, burst=1)
    assert await worker.admit(1, b"a") is None
    with pytest.raises(RateLimited):
        await worker.admit(1, b"b")
    await asyncio.sleep(0.6)
    assert await worker.admit(1, b"b") is None


async def test_429_names_when_to_come_back(clinic):
    settings = clinic.settings.model_copy(update={"device_burst": 1, "device_rate": 0.5})
    worker = await clinic.worker(gateway(clinic.database, clinic.master_key, settings))
    device = await clinic.device(client=worker)
    answers = [await device.readings(body(number)) for number in (1, 2)]
    assert [each.status_code for each in answers] == [200, 429]
    assert answers[1].headers["retry-after"] == "2"


async def test_answers_are_forgotten_when_no_signature_can_repeat_them(clinic):
    worker = DeviceAdmissions(clinic.database, rate=50, burst=50)
    await worker.admit(1, b"a")
    await worker.answered(1, b"a", Answer(200, b"{}"))
    await worker.prune()
    assert await worker.admit(1, b"a") == Answer(200, b"{}")
    async with clinic.database.connection() as connection:
        await connection.execute("UPDATE seen_request SET expires_at = now() - interval '1 second'")
    await worker.prune()
    assert await worker.admit(1, b"a") is None


async def test_identities_are_the_same_in_every_worker(clinic):
    keys = {pipeline(clinic.database, clinic.master_key).identity_key for _ in range(2)}
    assert len(keys) == 1


async def test_requests_of_one_moment_are_each_in_their_devices_rate_and_claimed_once(clinic):
    worker = DeviceAdmissions(clinic.database, rate=1, burst=3)
    requests = [(1, b"a"), (2, b"a"), (1, b"b"), (1, b"c"), (1, b"d"), (2, b"b"), (3, None)]

    async def admitted(device, signature):
        try:
            await (worker.limit(device) if signature is None else worker.admit(device, signature))
        except RateLimited:
            return False
        return True

    assert await asyncio.gather(*(admitted(*one) for one in requests)) == [True] * 4 + [False, True, True]
    assert await clinic.scalar("SELECT count(*) FROM seen_request") == 5


async def test_the_first_answer_stands_for_every_copy(clinic):
    first, second = (DeviceAdmissions(clinic.database, rate=50, burst=50) for _ in range(2))
    assert await first.admit(1, b"a") is None
    await asyncio.gather(
        first.answered(1, b"a", Answer(200, b"one")), first.answered(2, b"a", Answer(207, b"two"))
    )
    await second.answered(1, b"a", Answer(500, b"later"))
    assert await second.admit(1, b"a") == Answer(200, b"one")
    assert await second.admit(2, b"a") == Answer(207, b"two")


async def test_devices_asked_for_at_once_are_each_found_by_name_or_id(clinic):
    devices = [await clinic.device(name=f"pi-{n}", patient=f"p{n}") for n in range(3)]
    registry = clinic.pipeline().devices
    names = ["pi-0", devices[1].reference.removeprefix("Device/"), "pi-2", "pi-9", "pi-0"]
    now = datetime.now(UTC)
    found = await asyncio.gather(*(registry.find(name, now) for name in names))
    assert [each and each.name for each in found] == ["pi-0", "pi-1", "pi-2", None, "pi-0"]
    assert [each.assignments[0].patient for each in found if each] == ["p0", "p1", "p2", "p0"]
