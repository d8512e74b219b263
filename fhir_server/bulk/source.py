"""What files hold, resource by resource, each with the place it stands at.

https://github.com/ndjson/ndjson-spec; https://hl7.org/fhir/R4/bundle.html
"""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from fhir_server.bulk import bundle
from fhir_server.errors import InvalidJson, OperatorError, RequestError
from fhir_server.json import JsonObject, parse

_NDJSON = (".ndjson", ".jsonl")
_JSON = (".json",)
_LONGEST_LINE = 100_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """One resource of a file, or why it cannot be read; `ordinal` counts them from 1: the line in NDJSON."""

    path: Path
    ordinal: int
    place: str
    content: JsonObject | RequestError
    consumed: int = 0
    """Bytes of the file up to here, where they are known."""


def files(named: Iterable[Path]) -> list[Path]:
    """The files meant by `named`: a folder stands for its JSON and NDJSON files, sorted; OperatorError for none."""
    found: list[Path] = []
    for path in named:
        if path.is_dir():
            found += sorted(
                each for each in path.rglob("*") if each.is_file() and _suffix(each) in _NDJSON + _JSON
            )
        elif path.is_file():
            found.append(path)
        else:
            raise OperatorError(f"{path} is neither a file nor a folder. Give files, or a folder of them.")
    if not found:
        raise OperatorError("There is no .json or .ndjson file to load. Give files, or a folder of them.")
    return found


def resources(path: Path, *, after: int = 0) -> Iterator[Found]:
    """The resources in a file beyond the first `after`; OperatorError when the file cannot be read."""
    try:
        yield from _lines(path, after) if _is_ndjson(path) else _document(path, after)
    except (OSError, EOFError) as error:
        raise OperatorError(f"{path} cannot be read: {error}.") from error


def _lines(path: Path, after: int) -> Iterator[Found]:
    with path.open("rb") as raw:
        file = _unpacked(path, raw)
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
            if number > after and not line.isspace():
                yield Found(path, number, f"{path}:{number}", _parsed(line), raw.tell())


def _document(path: Path, after: int) -> Iterator[Found]:
    with path.open("rb") as raw:
        tree = _parsed(_unpacked(path, raw).read())
        size = raw.tell()
    if isinstance(tree, RequestError) or not bundle.is_unpacked(tree):
        if after < 1:
            yield Found(path, 1, f"{path}:1", tree, size)
        return
    for number, content in enumerate(bundle.resources(tree), 1):
        if number > after:
            yield Found(path, number, f"{path}: Bundle.entry[{number - 1}]", content, size)


def _parsed(text: bytes) -> JsonObject | RequestError:
    try:
        return parse(text)
    except InvalidJson as error:
        return error


def _unpacked(path: Path, raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw


def _suffix(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


def _is_ndjson(path: Path) -> bool:
    """By name; where the name does not say, by whether the first line is an object of its own."""
    if _suffix(path) in _NDJSON + _JSON:
        return _suffix(path) in _NDJSON
    with path.open("rb") as raw:
        first = _unpacked(path, raw).readline(_LONGEST_LINE)
    return not isinstance(_parsed(first), RequestError)
