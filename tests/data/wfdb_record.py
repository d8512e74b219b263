"""A small WFDB record, written from the description of the format: two signals in format 212, and its beats.

https://physionet.org/physiotools/wag/signal-5.htm
https://physionet.org/physiotools/wag/annot-5.htm
"""

import struct
from collections.abc import Sequence
from pathlib import Path

FIRST = [1024 + (each % 40) * 5 for each in range(720)]
SECOND = [1000 - (each % 25) for each in range(720)]
BEATS = ((18, 28, b"(N\0"), (77, 1, b""), (370, 1, b""), (600, 5, b""), (719, 8, b""))


def packed_212(samples: Sequence[int]) -> bytes:
    """Two samples of 12 bits in three bytes."""
    pairs = zip(samples[::2], samples[1::2], strict=True)
    return b"".join(
        bytes([low & 0xFF, (low >> 8 & 0x0F) | (high >> 4 & 0xF0), high & 0xFF]) for low, high in pairs
    )


def checksum(samples: Sequence[int]) -> int:
    """The sum of the samples as a signed number of 16 bits."""
    return (sum(samples) + 2**15) % 2**16 - 2**15


def annotations(beats: Sequence[tuple[int, int, bytes]] = BEATS) -> bytes:
    """An annotation each: where, the number of its code, and a text."""
    out, last = b"", 0
    for sample, kind, text in beats:
        step = sample - last
        if step > 1023:
            out += struct.pack("<HHH", 59 << 10, step >> 16, step & 0xFFFF)
            step = 0
        out += struct.pack("<H", kind << 10 | step)
        if text:
            out += struct.pack("<H", 63 << 10 | len(text)) + text + b"\0" * (len(text) % 2)
        last = sample
    return out + b"\0\0"


def header(
    date: str = " 22:30:15 23/08/2023", names: tuple[str, str] = ("MLII", "V5"), gain: str = "200"
) -> str:
    """The header of the record `r1`."""
    return (
        f"r1 2 360 720{date}\n"
        f"r1.dat 212 {gain} 11 1024 {FIRST[0]} {checksum(FIRST)} 0 {names[0]}\n"
        f"r1.dat 212 {gain} 11 1024 {SECOND[0]} {checksum(SECOND)} 0 {names[1]}\n"
        "# 69 M\n"
    )


def signal_file() -> bytes:
    """The samples of both signals, in turn."""
    return packed_212([each for pair in zip(FIRST, SECOND, strict=True) for each in pair])


def written(
    folder: Path, head: str | None = None, signals: bytes | None = None, beats: bytes | None = None
) -> dict[str, Path]:
    """The files of the record by their names."""
    contents = {
        "r1.hea": (header() if head is None else head).encode(),
        "r1.dat": signal_file() if signals is None else signals,
        "r1.atr": annotations() if beats is None else beats,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}
