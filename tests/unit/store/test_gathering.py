"""What arrives while a group is committed shares the next one, and nobody is forgotten."""

import asyncio
from collections.abc import Sequence

from fhir_server.store.gathering import Gathering


async def test_one_that_comes_as_the_last_writer_ends_is_written_too():
    async def commit(items: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        return list(items)

    gathering = Gathering(commit, writers=1)
    async with asyncio.timeout(2):
        for item in range(20):
            assert await gathering.add(item) == item


async def test_one_writer_commits_one_group_at_a_time():
    running, most, groups = 0, 0, []

    async def commit(items: Sequence[int]) -> list[int]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        groups.append(len(items))
        await asyncio.sleep(0.001)
        running -= 1
        return list(items)

    gathering = Gathering(commit, writers=1)
    await asyncio.gather(*(gathering.add(item) for item in range(20)))
    assert most == 1
    assert groups in ([20], [1, 19])


async def test_a_patient_writer_waits_for_those_it_has_just_answered_and_no_longer():
    groups = []

    async def commit(items: Sequence[int]) -> list[int]:
        groups.append(len(items))
        await asyncio.sleep(0.001)
        return list(items)

    async def client(pause: float) -> None:
        for item in range(10):
            await gathering.add(item)
            await asyncio.sleep(pause)

    gathering = Gathering(commit, writers=1, patience=0.05)
    await asyncio.gather(*(client(0.001 * number) for number in range(4)))
    assert len(groups) < 30, "impatient, those who come again at different times make many small groups"
    groups.clear()
    async with asyncio.timeout(1):
        await gathering.add(1)
    assert groups == [1]


async def test_what_is_too_much_for_one_group_goes_with_another_writer_at_once():
    groups, done = [], asyncio.Event()

    async def commit(items: Sequence[int]) -> list[int]:
        groups.append(len(items))
        await done.wait()
        return list(items)

    gathering = Gathering(commit, writers=2)
    wave = [asyncio.create_task(gathering.add(item, 100)) for item in range(8)]
    await asyncio.sleep(0.01)
    assert groups == [5, 3]
    done.set()
    assert await asyncio.gather(*wave) == list(range(8))
