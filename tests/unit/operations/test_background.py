import asyncio
from contextlib import suppress

from fhir_server.operations.background import ended


async def test_a_task_that_lost_a_cancellation_is_ended_all_the_same():
    async def deaf_once() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    running = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await asyncio.wait_for(ended(running), 5)
    assert running.cancelled()
