"""Files that were brought together: hashed, told apart, and those that belong together kept together.

docs/ingest.md, "Files"
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.errors import TooLarge, UnreadableFile
from ingest.files.format import Format, Incoming
from ingest.files.formats import FORMATS, format_of


@dataclass(frozen=True, slots=True)
class Bringing:
    """Files with the format of each, in the order they came, and those that no format recognises."""

    readable: tuple[tuple[Incoming, Format], ...]
    unknown: tuple[Incoming, ...]

    def each(self) -> "Iterator[Bringing]":
        """The files one by one."""
        yield from (Bringing((one,), ()) for one in self.readable)
        yield from (Bringing((), (one,)) for one in self.unknown)


def paths(given: Path) -> Iterator[tuple[str, Path]]:
    """The file itself, or every file in the folder with its name within; hidden ones are left out.

    Raises UnreadableFile when there is nothing there.
    """
    if not given.is_dir():
        yield given.name, given
        return
    for each in sorted(given.rglob("*")):
        name = each.relative_to(given)
        if each.is_file() and not any(part.startswith(".") for part in name.parts):
            yield name.as_posix(), each


def incoming(name: str, path: Path, limit: int) -> Incoming:
    """The file on disk, hashed. Raises TooLarge beyond `limit` bytes, UnreadableFile when it cannot be read."""
    try:
        size = path.stat().st_size
        if size > limit:
            raise TooLarge(f"{name} has {size} bytes; at most {limit} are taken. Split it.")
        with path.open("rb") as opened:
            return Incoming(name, path, size, hashlib.file_digest(opened, "sha256").digest())
    except OSError as error:
        raise UnreadableFile(f"{name} cannot be read: {error.strerror}.") from error


def told_apart(files: Iterable[Incoming], formats: Sequence[Format] = FORMATS) -> Bringing:
    """The files by format, each with those beside it; what is a part of another is not read alone."""
    together = _with_neighbours(files)
    found = [(file, format_of(file, formats)) for file in together]
    parts = {
        (_folder(file.name), part)
        for file, format in found
        if format is not None
        for part in format.parts(file)
    }
    whole = [(file, format) for file, format in found if (_folder(file.name), file.bare_name) not in parts]
    return Bringing(
        tuple((file, format) for file, format in whole if format is not None),
        tuple(file for file, format in whole if format is None),
    )


def _with_neighbours(files: Iterable[Incoming]) -> list[Incoming]:
    brought = list(files)
    folders: dict[str, dict[str, Path]] = {}
    for file in brought:
        folders.setdefault(_folder(file.name), {})[file.bare_name] = file.path
    return [
        replace(
            file,
            beside={
                name: path for name, path in folders[_folder(file.name)].items() if name != file.bare_name
            },
        )
        for file in brought
    ]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
