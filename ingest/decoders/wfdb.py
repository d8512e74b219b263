"""A WFDB record: its signals, calibrated and held to their checksums, and its beats.

https://physionet.org/physiotools/wag/header-5.htm
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Final

from ingest.decoders import wfdb_samples
from ingest.decoders.wfdb_annotations import Annotation, annotations
from ingest.decoders.wfdb_header import Header, Signal, header
from ingest.errors import UnreadableFile

_FRAMES: Final = 60_000
"""How many samples of each signal are looked at together; no group of any format lies across two of these."""

MAX_HEADER_BYTES: Final = 100_000
MAX_ANNOTATION_BYTES: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Channel:
    """One signal: `samples` are its first ones as they were stored, None where there is none."""

    signal: Signal
    samples: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record of `length` samples for each channel; every sample was read and held to the checksum of its signal."""

    header: Header
    length: int
    channels: tuple[Channel, ...]
    annotations: tuple[Annotation, ...]


def record(content: Path, beside: Mapping[str, Path], keep: Callable[[int], int]) -> Record:
    """The record whose header is `content`; its other files are `beside` it.

    `keep` says how many samples to keep of a signal of so many. Raises UnreadableFile, saying where, when a file is missing,
    too short, in a format that is not read, or is not what its checksum says.
    """
    head = _header(content)
    length = _length(head, beside)
    channels: list[Channel] = []
    for name, signals in groupby(head.signals, key=lambda each: each.file):
        channels += _channels(tuple(signals), _file(name, beside), length, keep(length))
    beats = beside.get(f"{head.record}.atr")
    return Record(head, length, tuple(channels), () if beats is None else _annotations(beats, length))


def rate(content: Path) -> Fraction:
    """How many samples a second the record with this header has. Raises UnreadableFile as `record` does."""
    return _header(content).rate


def parts(content: Path) -> tuple[str, ...]:
    """The names of the files that the record with this header has. Raises UnreadableFile as `record` does."""
    head = _header(content)
    return (*dict.fromkeys(each.file for each in head.signals), f"{head.record}.atr")


def _header(path: Path) -> Header:
    if path.stat().st_size > MAX_HEADER_BYTES:
        raise UnreadableFile(f"The header is longer than {MAX_HEADER_BYTES} bytes.")
    return header(path.read_bytes())


def _file(name: str, beside: Mapping[str, Path]) -> Path:
    path = beside.get(name)
    if path is None:
        raise UnreadableFile(
            f"The header names {name}, which was not brought. Bring the files of a record together."
        )
    return path


def _length(head: Header, beside: Mapping[str, Path]) -> int:
    """How many samples each signal has; the signal files have them all."""
    length = head.samples
    for name, group in groupby(head.signals, key=lambda each: each.file):
        signals = tuple(group)
        first, there = signals[0], _file(name, beside).stat().st_size
        if {(each.format, each.offset) for each in signals} != {(first.format, first.offset)}:
            raise UnreadableFile(f"The signals in {name} have several formats or beginnings.")
        if length is None:
            length = wfdb_samples.count(first.format, max(0, there - first.offset)) // len(signals)
        needed = first.offset + wfdb_samples.size(first.format, length * len(signals))
        if there < needed:
            raise UnreadableFile(f"{name} ends at byte {there} of the {needed} that its header declares.")
    if not length:
        raise UnreadableFile("The record has no samples.")
    return length


def _channels(signals: tuple[Signal, ...], path: Path, length: int, keep: int) -> Iterator[Channel]:
    """The channels in one file, read block by block: a day of ECG does not stand in memory."""
    first, width = signals[0], len(signals)
    none = wfdb_samples.no_sample(first.format)
    sums, gaps = [0] * width, [False] * width
    kept: list[list[int]] = [[] for _ in signals]
    with path.open("rb") as file:
        file.seek(first.offset)
        for start in range(0, length, _FRAMES):
            wanted = min(_FRAMES, length - start) * width
            block = wfdb_samples.samples(
                first.format, file.read(wfdb_samples.size(first.format, wanted)), wanted
            )
            for number in range(width):
                column = block[number::width]
                sums[number] += int(column.sum())
                gaps[number] |= bool((column == none).any())
                kept[number] += column[: max(0, keep - start)].tolist()
    for signal, total, gap, samples in zip(signals, sums, gaps, kept, strict=True):
        _check_sum(signal, total, gap)
        yield Channel(signal, tuple(None if each == none else each for each in samples))


def _check_sum(signal: Signal, total: int, gap: bool) -> None:
    """Nothing, if the samples are those of the header. How a missing one counts is not agreed on, and 0 says nothing."""
    if signal.checksum and not gap and (total - signal.checksum) % 65536:
        raise UnreadableFile(
            f"The samples of {signal.name or 'a signal'} in {signal.file} do not have the checksum {signal.checksum} that the "
            "header gives: the file was damaged."
        )


def _annotations(path: Path, length: int) -> tuple[Annotation, ...]:
    if path.stat().st_size > MAX_ANNOTATION_BYTES:
        raise UnreadableFile(f"The annotations are longer than {MAX_ANNOTATION_BYTES} bytes.")
    return annotations(path.read_bytes(), length)
