"""The records of a JSON file: one object, an array, or a line each.

https://www.rfc-editor.org/rfc/rfc8259; https://github.com/ndjson/ndjson-spec
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from ingest.decoders.batch import Batch, json_batch
from ingest.errors import TooLarge, Unreadable, UnreadableFile
from ingest.issue import Issue

MAX_RECORDS: Final = 1_000_000
MAX_TREE_BYTES: Final = 100_000_000
"""What is one JSON text has to be held as a whole; lines have not."""
MAX_LINE_BYTES: Final = 10_000_000

Batches: TypeAlias = Callable[[bytes, int], Batch]


@dataclass(frozen=True, slots=True)
class Record:
    """One record, its bytes as they stood in the file, and where: `line 3`, `record 17`."""

    tree: dict[str, object]
    payload: bytes
    where: str


def is_json(head: bytes) -> bool:
    """Whether the file begins as JSON objects and arrays do."""
    return head.lstrip()[:1] in (b"{", b"[")


def records(path: Path, batches: Batches = json_batch) -> Iterator[Record]:
    """Each record in order; `batches` tells the records of one JSON text apart.

    Raises UnreadableFile, naming the line or record, where one is no JSON object; those before it have been given.
    """
    if _in_lines(path):
        yield from _lines(path, batches)
    else:
        yield from _tree(path, batches)


def _in_lines(path: Path) -> bool:
    """Whether the first line is an object of its own and another follows."""
    with path.open("rb") as file:
        first = next((line for line in iter(lambda: file.readline(MAX_LINE_BYTES), b"") if line.strip()), b"")
        if first.lstrip()[:1] != b"{" or not first.rstrip().endswith(b"}"):
            return False
        if not any(line.strip() for line in iter(lambda: file.readline(MAX_LINE_BYTES), b"")):
            return False
    try:
        json_batch(first, 1)
    except (Unreadable, TooLarge):
        return False
    return True


def _lines(path: Path, batches: Batches) -> Iterator[Record]:
    with path.open("rb") as file:
        start = 0
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), 1):
            if number > MAX_RECORDS:
                raise UnreadableFile(f"The file has more than {MAX_RECORDS} lines. Split it.")
            if len(line) > MAX_LINE_BYTES:
                raise UnreadableFile(f"line {number} is longer than {MAX_LINE_BYTES} bytes.")
            if line.strip():
                yield from _checked(line, batches, f"line {number}", f"line {number} (from byte {start} on)")
            start += len(line)


def _tree(path: Path, batches: Batches) -> Iterator[Record]:
    size = path.stat().st_size
    if size > MAX_TREE_BYTES:
        raise UnreadableFile(
            f"The file is one JSON text of {size} bytes; at most {MAX_TREE_BYTES} are taken. Write a record a line."
        )
    yield from _checked(path.read_bytes(), batches, "", "the file")


def _checked(text: bytes, batches: Batches, where: str, place: str) -> Iterator[Record]:
    try:
        batch = batches(text, MAX_RECORDS)
    except (Unreadable, TooLarge) as error:
        # what a parser says of a line counts it as the first
        why = str(error.__cause__ or error).replace("at line 1 column", "at column")
        raise UnreadableFile(f"{place} is broken: {why}.") from error
    for index, item in enumerate(batch.items):
        of_many = f"record {index + 1}" if len(batch.items) > 1 else ""
        here = ", ".join(filter(None, (where, of_many)))
        if isinstance(item, Issue):
            raise UnreadableFile(f"{here or place} is broken: {item.diagnostics}")
        yield Record(item, batch.raw(index), here or "the record")
