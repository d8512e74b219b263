"""The samples of a WFDB signal file, in the formats that hold each sample by itself.

https://physionet.org/physiotools/wag/signal-5.htm
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.errors import UnreadableFile

Samples = npt.NDArray[np.int64]


def _words(dtype: str, minus: int = 0) -> Callable[[bytes], Samples]:
    return lambda content: np.frombuffer(content, dtype).astype(np.int64) - minus


def _format_24(content: bytes) -> Samples:
    low, middle, high = np.frombuffer(content, "u1").astype(np.int64).reshape(-1, 3).T
    return _signed(low | middle << 8 | high << 16, 24)


def _format_212(content: bytes) -> Samples:
    """Two samples of 12 bits in three bytes; the middle one has the upper four bits of both."""
    first, shared, second = np.frombuffer(content, "u1").astype(np.int64).reshape(-1, 3).T
    pairs = np.stack([first | (shared & 0x0F) << 8, second | (shared & 0xF0) << 4], axis=1)
    return _signed(pairs.reshape(-1), 12)


def _format_310(content: bytes) -> Samples:
    """Three samples of 10 bits in two words: two have their word's lower bits but the last, one the upper five of both."""
    first, second = np.frombuffer(content, "<u2").astype(np.int64).reshape(-1, 2).T
    third = first >> 11 | second >> 11 << 5
    return _signed(np.stack([first >> 1 & 0x3FF, second >> 1 & 0x3FF, third], axis=1).reshape(-1), 10)


def _format_311(content: bytes) -> Samples:
    """Three samples of 10 bits in one word of 32, the first in its lowest bits."""
    word = np.frombuffer(content, "<u4").astype(np.int64)
    three = np.stack([word & 0x3FF, word >> 10 & 0x3FF, word >> 20 & 0x3FF], axis=1)
    return _signed(three.reshape(-1), 10)


def _signed(values: Samples, bits: int) -> Samples:
    half = 1 << bits - 1
    return (values ^ half) - half


# format: how, the bytes that the first, the first two, … samples of a group take, the value that means no sample
_FORMATS: Final = MappingProxyType(
    {
        16: (_words("<i2"), (2,), -(2**15)),
        24: (_format_24, (3,), -(2**23)),
        32: (_words("<i4"), (4,), -(2**31)),
        61: (_words(">i2"), (2,), -(2**15)),
        80: (_words("u1", 128), (1,), -(2**7)),
        160: (_words("<u2", 2**15), (2,), -(2**15)),
        212: (_format_212, (2, 3), -(2**11)),
        310: (_format_310, (2, 4, 4), -(2**9)),
        311: (_format_311, (2, 3, 4), -(2**9)),
    }
)


def size(form: int, samples: int) -> int:
    """How many bytes `samples` take. Raises UnreadableFile for a format that is not read here."""
    _, lengths, _ = _known(form)
    whole, rest = divmod(samples, len(lengths))
    return whole * lengths[-1] + (lengths[rest - 1] if rest else 0)


def count(form: int, length: int) -> int:
    """How many samples are in `length` bytes."""
    _, lengths, _ = _known(form)
    return length // lengths[-1] * len(lengths)


def samples(form: int, content: bytes, wanted: int) -> Samples:
    """The first `wanted` samples in `content`, which has at least `size` bytes."""
    read, lengths, _ = _known(form)
    needed = -(-wanted // len(lengths)) * lengths[-1]
    part = content[:needed]
    return read(part + b"\0" * (needed - len(part)))[:wanted]


def no_sample(form: int) -> int:
    """The value that stands for no sample."""
    return _known(form)[2]


def _known(form: int) -> tuple[Callable[[bytes], Samples], tuple[int, ...], int]:
    found = _FORMATS.get(form)
    if found is None:
        raise UnreadableFile(
            f"The samples are in format {form}, which is not read. Read are {', '.join(map(str, _FORMATS))}."
        )
    return found
