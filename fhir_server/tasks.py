"""How tasks are ended.

https://docs.python.org/3/library/asyncio-task.html#task-cancellation
"""

import asyncio
from typing import Final

CANCEL_AGAIN_SECONDS: Final = 0.2


async def ended(*running: asyncio.Task[None] | None) -> None:
    """Returns when the tasks, cancelled, have ended; what one failed with is told elsewhere, or nobody's any more.

    One cancellation is not enough: Python 3.11 loses it where what a connection waits for comes at the same moment
    (https://github.com/python/cpython/issues/86296).
    """
    tasks = [one for one in running if one is not None]
    while left := [one for one in tasks if not one.done()]:
        for one in left:
            one.cancel()
        await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)
    for one in tasks:
        if not one.cancelled():
            one.exception()  # looked at: asyncio would log it
