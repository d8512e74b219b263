"""What arrives while a group is committed shares the next one, and nobody is forgotten."""

import asyncio
from collections.abc import Sequence

from fhir_server.store.gather import Gathering


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
