"""The simulated devices, run as a process of their own that knows the server's address, and their secrets, and nothing else.

docs/devices.md
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson

from fhir_server.demo.ward import WardDevice
from fhir_server.errors import OperatorError

_PROGRAM: Final = "fhir_server.demo.simulators"
_LONGEST_LINE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of a device to `path`, with the status and JSON of its answer; 0 when there was none, and why."""

    device: str
    path: str
    message: Any  # Any: whatever JSON the address takes
    status: int
    answer: Any  # Any: whatever JSON the server answered
    reason: str = ""

    def results(self) -> list[dict[str, Any]]:  # Any: as above
        """What became of each reading of the message."""
        answer = self.answer if isinstance(self.answer, dict) else {}
        if "status" in answer:
            return [answer]
        results = answer.get("results", [])
        return (
            [each for named in results.values() for each in named] if isinstance(results, dict) else results
        )

    def references(self) -> list[str]:
        """The resources made of the message."""
        return [reference for result in self.results() for reference in result.get("references", [])]


async def simulated(address: str, devices: Sequence[WardDevice]) -> AsyncGenerator[Sent, None]:
    """What the devices send to the server at `address`, endlessly; their process ends with this iterator.

    Raises OperatorError when they stop by themselves.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", _PROGRAM, address),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        # A terminal's Ctrl-C is for the server, which then ends this.
        start_new_session=True,
    )
    assert process.stdin is not None, "it was asked for"
    assert process.stdout is not None, "it was asked for"
    try:
        process.stdin.write(
            orjson.dumps([{"name": d.name, "type": d.profile, "secret": d.secret} for d in devices])
        )
        process.stdin.close()
        async for line in process.stdout:
            yield _sent(line)
        raise OperatorError(f"The simulated devices ended with {await process.wait()}.")
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _sent(line: bytes) -> Sent:
    said = orjson.loads(line)
    return Sent(
        said["device_id"],
        said["path"],
        said["message"],
        said["status"],
        said["answer"],
        said.get("reason", ""),
    )
