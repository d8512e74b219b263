"""A dead letter taken in again, after what stood in its way was put right.

docs/ingest.md, "Dead letters"
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from ingest.answer import Result
from ingest.decoders.batch import json_batch
from ingest.errors import TooLarge, Unreadable
from ingest.issue import Issue
from ingest.pipeline import Pipeline, decoder, sent_by
from ingest.ports import KeptLetter, Letter


async def retry(pipeline: Pipeline, kept: KeptLetter, clock: Callable[[], datetime]) -> Result:
    """What became of the letter now; it waits on with the new reason when it was rejected again.

    The reading counts as received when it first came, so that it is the reading it would have been then.
    """
    if kept.references is not None:
        return Result("unchanged", kept.references)
    result = await _result(pipeline, kept.letter, clock)
    if result.status == "rejected":
        await pipeline.dead_letters.refused(kept.number, result.issues)
    else:
        await pipeline.dead_letters.stored(kept.number, result.references)
    return result


async def _result(pipeline: Pipeline, letter: Letter, clock: Callable[[], datetime]) -> Result:
    device = None if letter.device is None else await pipeline.devices.find(letter.device, clock())
    if device is None:
        return _rejected(f"No device named {letter.device!r} is registered. Register it first.")
    try:
        items = json_batch(letter.payload, 1).items
    except (Unreadable, TooLarge) as error:
        return _rejected(str(error))
    if len(items) != 1:
        return _rejected("The letter holds no single reading.")
    (item,) = items
    decoded = (
        (item,) if isinstance(item, Issue) else decoder(letter.format, device)(item, device, letter.received)
    )
    known = await pipeline.with_assignments(device, [decoded])
    message = sent_by(device, hashlib.sha256(letter.payload).digest(), letter.received)
    (result,) = await pipeline.stored([decoded], known, message, letter.format)
    return result


def _rejected(text: str) -> Result:
    return Result("rejected", (), (Issue("structure", text),))
