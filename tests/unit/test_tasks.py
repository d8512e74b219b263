import asyncio
from contextlib import suppress

from fhir_server.tasks import ended


async def test_a_task_that_lost_a_cancellation_is_ended_all_the_same():
    async def deaf_once() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    running = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await asyncio.wait_for(ended(running), 5)
    assert running.cancelled()


async def test_what_failed_before_it_was_ended_is_told_by_nobody_else():
    async def failing() -> None:
        raise ValueError

    running = asyncio.create_task(failing())
    await asyncio.sleep(0)
    told = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    await ended(running, None)
    del running
    assert told == []
