"""Files in the storm: what is in them, the three ways they are brought by, and what must have become of each.

docs/ingest.md, "Files"
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import psutil

from tests.data.resmed_session import Signal, session
from tests.soak.client import BEARER, Client, Device, Unanswered
from tests.soak.ledger import Ledger
from tests.soak.load import START
from tests.soak.server import Server

Way = Literal["administrator", "device", "command"]
STATUSES = ("created", "unchanged", "amended", "rejected")
_PATH = "/ingest/files"
_BETWEEN_COMMANDS = 4.0


@dataclass(frozen=True, slots=True)
class File:
    """A file, and how many of its units are to be stored and to be dead letters."""

    name: str
    content: bytes
    stored: int
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class FileFamily:
    """Devices of one type whose files are all brought in one way."""

    type: str
    way: Way
    file: Callable[[int], File]


def _lines(count: int) -> Callable[[int], File]:
    """NDJSON of `count` readings, a few of which measure what cannot be; every third file has none of these."""

    def file(number: int) -> File:
        lines, rejected = [], 0
        for n in range(number * count, (number + 1) * count):
            bad = n % 20 == 7 and number % 3 != 2
            moment = (START + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ")
            data = {"spo2": 101 if bad else 80 + n % 20, "pulseRate": 50 + n % 97}
            lines.append(json.dumps({"timestamp": moment, "data": data}))
            rejected += bad
        return File(f"{number}.ndjson", "\n".join(lines).encode(), count - rejected, rejected)

    return file


def _recording(number: int) -> File:
    """A session of a card: the document with its content in the blob store, and what derives from it."""
    day, minute = divmod(number * 20, 1440)
    flow = [(n * 7 + number) % 900 - 450 for n in range(34_000)]
    leak = [(n + number) % 30 for n in range(680)]
    breaths = [70 + (n + number) % 30 for n in range(680)]
    signals = [
        Signal("Flow.40ms", "L/s", ("-2.00", "3.00"), (-1000, 1500), flow),
        Signal("Leak.2s", "L/s", ("0.00", "2.00"), (0, 100), leak),
        Signal("RespRate.2s", "bpm", ("0.00", "50.00"), (0, 250), breaths),
    ]
    start = f"{day + 1:02}.08.23{minute // 60:02}.{minute % 60:02}.00"
    return File(f"{number}.edf", session(signals, records=20, seconds="68.00", start=start), stored=2)


FILE_FAMILIES = (
    FileFamily("pulse-oximeter", "administrator", _lines(60)),
    FileFamily("cpap", "device", _recording),
    FileFamily("pulse-oximeter", "command", _lines(300)),
)


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a file."""

    counts: dict[str, int]
    references: tuple[str, ...]
    seen: bool


def _brought(tree: dict[str, Any]) -> Brought:
    counts = {status: tree[status] for status in STATUSES if tree[status]}
    return Brought(counts, tuple(tree["references"]), tree["seen"])


@dataclass
class Shelf:
    """The files of one device, and what each was answered with in the end."""

    family: FileFamily
    device: Device
    folder: Path
    results: list[Brought] = field(default_factory=list)

    async def fill(self, server: Server, ledger: Ledger, stopping: asyncio.Event) -> None:
        """One file after the other, each of them again until what became of it is known."""
        client = Client(server.port)
        while not stopping.is_set():
            file = self.family.file(len(self.results))
            while (brought := await self.bring(server, client, file, ledger)) is None:
                pass
            ledger.faults += faults(file, brought)
            self.results.append(brought)
            if self.family.way == "command":
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _BETWEEN_COMMANDS)
        client.close()

    async def bring(self, server: Server, client: Client, file: File, ledger: Ledger) -> Brought | None:
        """What became of the file; None, after a moment, when nobody said."""
        if self.family.way == "command":
            found = await self.by_command(server, [file], ledger)
            brought = found[0] if found else None
        else:
            brought = await self.by_request(client, file, ledger)
        if brought is None:
            await asyncio.sleep(0.2)
        return brought

    async def by_request(self, client: Client, file: File, ledger: Ledger) -> Brought | None:
        """What the server answers; None when it does not, or cannot say yet."""
        said = {"name": file.name, "device": self.device.name}
        target = f"{_PATH}?{urlencode(said)}"
        signed = self.family.way == "device"
        headers = self.device.signed(target, file.content) if signed else BEARER
        try:
            headers = headers | {"Content-Type": "application/octet-stream"}
            answer = await client.send("POST", target, headers, file.content)
        except Unanswered:
            ledger.unanswered()
            return None
        return _brought(answer.json()["files"][0]) if ledger.note(f"POST {_PATH}", answer) else None

    async def by_command(self, server: Server, files: Sequence[File], ledger: Ledger) -> list[Brought]:
        """What the command line says of files that are brought together; nothing when it was killed or could not go on."""
        paths = [self.folder / file.name for file in files]
        for path, file in zip(paths, files, strict=True):
            path.write_bytes(file.content)
        running = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("fhir-server")), "ingest", *map(str, paths), "--json"),
            *("--device", self.device.name, "--data-dir", str(server.data_dir)),
            env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complaint = await running.communicate()
        for path in paths:
            path.unlink()
        if b"Traceback" in complaint:
            ledger.faults.append(f"the command line ended with {complaint.decode()[-2000:]}")
        try:
            return [_brought(tree) for tree in json.loads(said)]
        except ValueError:  # it was killed, or could not reach the database
            return []


def faults(file: File, brought: Brought) -> list[str]:
    """What became of a file that should not have."""
    stored = brought.counts.get("created", 0) + brought.counts.get("unchanged", 0)
    want, have = (file.stored, file.rejected), (stored, brought.counts.get("rejected", 0))
    return (
        [] if have == want else [f"{file.name}: {brought.counts} where {want} was to be stored and refused"]
    )


def commands() -> list[psutil.Process]:
    """The command lines that this process has running."""
    children = psutil.Process().children()
    return [each for each in children if "ingest" in _words(each)]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
