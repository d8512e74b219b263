"""An EDF or EDF+ file, complete and, where it has checksums, as it was written.

https://www.edfplus.info/specs/edf.html
https://www.edfplus.info/specs/edfplus.html
"""

import binascii
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

import edfio
import numpy as np
import numpy.typing as npt

from ingest.errors import UnreadableFile
from mappers.errors import InvalidTime
from mappers.waveform import decimal

MAX_SIGNALS: Final = 512
MAX_ANNOTATIONS: Final = 10_000
_MAIN: Final = 256
_DATE: Final = 168
_OF_SIGNAL: Final = 256
_SAMPLES_AT: Final = 216
_CHECKSUM: Final = "Crc16"
_SEED: Final = 0xFFFF
_RESMED: Final = re.compile(rb" [0-9A-F]{4} [0-9A-F]{4} *Startdate .* SRN=")
"""The patient of a ResMed file ends in two checksums, and its recording names the device's serial number."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How many bytes an EDF file has and where: a header, then equal records of the signals in turn."""

    header: int
    records: int
    samples: tuple[int, ...]

    @property
    def record(self) -> int:
        """The bytes of one record."""
        return 2 * sum(self.samples)

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self.header + self.records * self.record


@dataclass(frozen=True, slots=True)
class Annotation:
    """What was annotated `after` the start of the file."""

    after: timedelta
    duration: timedelta | None
    text: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal's samples as they were stored; `step` and `origin` make them what they are in `unit`.

    What lies outside `low` to `high`, which the header says the samples do, is no sample.
    """

    label: str
    unit: str
    rate: Fraction
    low: int
    high: int
    step: Fraction
    origin: Fraction
    digital: npt.NDArray[np.int16]

    @property
    def is_calibrated(self) -> bool:
        """Whether the samples say anything: with one physical value for all of them, nothing is known."""
        return self.step != 0

    def counts(self) -> tuple[Mapping[Decimal, int], int]:
        """How often each value is there, and how many samples are none."""
        found = Counter[int]()
        for value, times in zip(*np.unique(self.digital, return_counts=True), strict=True):
            found[int(value)] = int(times)
        values = {self._value(each): times for each, times in found.items() if self.low <= each <= self.high}
        return values, found.total() - sum(values.values())

    def samples(self, count: int) -> list[int | None]:
        """The first `count` samples, None where there is none."""
        return [each if self.low <= each <= self.high else None for each in self.digital[:count].tolist()]

    def _value(self, digital: int) -> Decimal:
        return decimal(self.origin + digital * self.step)


@dataclass(frozen=True, slots=True)
class Recording:
    """What an EDF file holds; `start` is naive, in the zone of the recorder, and None where the file hides it.

    `is_resmed` says that it has the checksums of a ResMed device, and that they are right.
    """

    start: datetime | None
    duration: timedelta
    signals: tuple[Signal, ...]
    annotations: tuple[Annotation, ...]
    is_resmed: bool


def recording(path: Path) -> Recording:
    """The recording in the file. Raises UnreadableFile, saying where, when it is broken or was damaged."""
    with path.open("rb") as opened:
        is_resmed = check(opened, path.stat().st_size)
        opened.seek(_DATE)
        stated = opened.read(8).decode("latin-1")
    with readable():
        file = edfio.read_edf(path, header_encoding="latin-1")
        if not file.is_continuous and file.signals and not _only_checksum(file):
            raise UnreadableFile(
                "The recording has gaps (EDF+D). Only annotations are read from such a file."
            )
        return Recording(
            _start(file, stated),
            timedelta(seconds=file.num_data_records * file.data_record_duration),
            tuple(_signal(each) for each in file.signals if each.label != _CHECKSUM),
            tuple(_annotations(file)),
            is_resmed,
        )


_STUMBLES: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,  # of a variable that edfio has not set yet
    OSError,
    TypeError,
    ValueError,
)


@contextmanager
def readable() -> Iterator[None]:
    """Whatever the reader of EDF stumbles over, as an UnreadableFile."""
    try:
        yield
    except (*_STUMBLES, InvalidTime) as error:
        raise UnreadableFile(f"The file is no complete EDF: {error}.") from error


def layout(head: bytes) -> Layout:
    """How a file that begins with `head`, a whole header, says that it is laid out. Raises UnreadableFile for what is none."""
    count = _number(head, 252, 4)
    if not 1 <= count <= MAX_SIGNALS:
        raise UnreadableFile(f"The file is no complete EDF: it has {count} signals, not 1 to {MAX_SIGNALS}.")
    start = _MAIN + count * _SAMPLES_AT
    samples = tuple(_number(head, start + 8 * each, 8) for each in range(count))
    found = Layout(_number(head, 184, 8), _number(head, 236, 8), samples)
    if found.header != _MAIN + count * _OF_SIGNAL or len(head) < found.header or min(samples) < 0:
        raise UnreadableFile(f"The file is no complete EDF: its header does not fit its {count} signals.")
    if found.records < 0:
        raise UnreadableFile(
            "The file is no complete EDF: it was not closed, and does not say how many records it has."
        )
    return found


def check(file: BinaryIO, size: int) -> bool:
    """Whether the file has the checksums of a ResMed device.

    Raises UnreadableFile, saying where, if it has not the `size` that it declares, or a checksum is wrong.
    """
    head = file.read(_MAIN + MAX_SIGNALS * _OF_SIGNAL)
    found = layout(head)
    if size != found.size:
        raise UnreadableFile(f"The EDF file has {size} of the {found.size} bytes that it declares.")
    last = _MAIN + (len(found.samples) - 1) * 16
    has_checksums = head[last : last + 16].strip() == _CHECKSUM.encode() and found.samples[-1] == 1
    if not has_checksums and _RESMED.search(head[:_MAIN]) is None:
        return False
    _check_header(head[: found.header])
    if not has_checksums:
        return True
    file.seek(found.header)
    for number in range(found.records):
        _check_record(file.read(found.record), number + 1, found.header + number * found.record)
    return True


def _check_header(head: bytes) -> None:
    """A ResMed device writes a checksum of the signals' part of the header, the last word of the patient."""
    words = head[8:88].split()
    stated = words[-1] if words else b""
    if stated != b"%04X" % binascii.crc_hqx(head[_MAIN:], _SEED):
        raise UnreadableFile(
            f"Bytes {_MAIN} to {len(head)}, the signals in the header, do not have their checksum."
        )


def _check_record(record: bytes, number: int, start: int) -> None:
    if int.from_bytes(record[-2:], "little") != binascii.crc_hqx(record[:-2], _SEED):
        raise UnreadableFile(
            f"Record {number}, from byte {start}, does not have its checksum: the file was damaged."
        )


def _number(head: bytes, start: int, length: int) -> int:
    if len(head) < start + length:
        raise UnreadableFile(f"The file is no complete EDF: it ends at byte {len(head)}, within its header.")
    text = head[start : start + length].decode("latin-1").strip()
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise UnreadableFile(f"The file is no complete EDF: byte {start} is {text!r}, which is no number.")
    return int(text)


def _only_checksum(file: edfio.Edf) -> bool:
    return {each.label for each in file.signals} <= {_CHECKSUM}


def _start(file: edfio.Edf, stated: str) -> datetime | None:
    """When the recording began; EDF+ says the day twice."""
    try:
        start: datetime = file.startdatetime
    except edfio.AnonymizedDateError:
        return None
    if f"{start:%d.%m.%y}" != stated:
        raise UnreadableFile(f"Byte 168 of the EDF file says {stated!r}, and the recording {start:%d.%m.%Y}.")
    return start


def _signal(signal: edfio.EdfSignal) -> Signal:
    low, high = (Fraction(repr(end)) for end in signal.physical_range)
    bottom, top = signal.digital_range
    step = (high - low) / (top - bottom)
    return Signal(
        label=signal.label,
        unit=signal.physical_dimension,
        rate=Fraction(repr(float(signal.sampling_frequency))).limit_denominator(1_000_000),
        low=min(bottom, top),
        high=max(bottom, top),
        step=step,
        origin=low - bottom * step,
        digital=signal.digital,
    )


def _annotations(file: edfio.Edf) -> Iterator[Annotation]:
    found = file.annotations
    if len(found) > MAX_ANNOTATIONS:
        raise UnreadableFile(f"The file has {len(found)} annotations. At most {MAX_ANNOTATIONS} are taken.")
    for each in found:
        duration = timedelta(seconds=each.duration) if each.duration else None
        yield Annotation(timedelta(seconds=each.onset), duration, each.text.strip())
