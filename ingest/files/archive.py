"""ZIP archives: a card or a folder in one file, unpacked within bounds.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ingest.disk import is_full
from ingest.errors import NoSpace, TooLarge, UnreadableFile
from ingest.files.format import Incoming

MAX_FILES: Final = 10_000
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_BLOCK: Final = 1_000_000


def unpacked(files: Iterable[Incoming], folder: Path, limit: int) -> list[Incoming]:
    """The files, and in the place of each archive those within it, written to `folder` under names of our own.

    Archives within archives are not opened. Raises TooLarge when more than `limit` bytes or 10,000 files come out of one,
    UnreadableFile when it is broken, NoSpace when the disk is full.
    """
    found: list[Incoming] = []
    for number, file in enumerate(files):
        if _is_archive(file.path):
            found += _members(file, folder / f"archive-{number}", limit)
        else:
            found.append(file)
    return found


def _is_archive(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(4) in _ZIP


def _members(file: Incoming, folder: Path, limit: int) -> Iterator[Incoming]:
    folder.mkdir()
    try:
        with zipfile.ZipFile(file.path) as archive:
            members = [
                each for each in archive.infolist() if not each.is_dir() and not _is_hidden(each.filename)
            ]
            if len(members) > MAX_FILES:
                raise TooLarge(f"{file.name} holds {len(members)} files; at most {MAX_FILES} are taken.")
            left = limit
            for number, member in enumerate(members):
                one = _extracted(archive, member, folder / str(number), left, file.name)
                left -= one.size
                yield one
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        if isinstance(error, OSError) and is_full(error):
            raise NoSpace from error
        raise UnreadableFile(f"{file.name} is no ZIP archive that can be read: {error}.") from error


def _extracted(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, left: int, name: str
) -> Incoming:
    digest, size = hashlib.sha256(), 0
    with archive.open(member) as packed, path.open("wb") as plain:
        while block := packed.read(_BLOCK):
            size += len(block)
            if size > left:
                raise TooLarge(f"More bytes come out of {name} than are taken. Split it.")
            digest.update(block)
            plain.write(block)
    return Incoming(_name(member.filename), path, size, digest.digest())


def _name(filename: str) -> str:
    """The name within the archive, with folders and without the ways up."""
    return "/".join(part for part in filename.split("/") if part not in ("", ".", ".."))


def _is_hidden(filename: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in _name(filename).split("/"))
