"""A detailed recording as a ResMed device writes it, from the description of EDF, with its checksums.

https://www.edfplus.info/specs/edf.html
"""

import binascii
import struct
from collections.abc import Sequence
from typing import NamedTuple


class Signal(NamedTuple):
    """A signal: what the header says of it, and its digital samples, all of them."""

    label: str
    unit: str
    physical: tuple[str, str]
    digital: tuple[int, int]
    samples: Sequence[int]


LEAK = Signal("Leak.2s", "L/s", ("0.00", "2.00"), (0, 100), [0, 0, 1, 1, 2, 13, -1, -1])
RATE = Signal("RespRate.2s", "bpm", ("0.00", "50.00"), (0, 250), [0, 70, 71, 72, 73, 74, 75, 76])
SNORE = Signal("Snore.2s", "", ("0.00", "5.00"), (0, 250), [0] * 8)
PULSE = Signal("Pulse.1s", "bpm", ("18.00", "300.00"), (18, 300), [-1] * 8)
FLOW = Signal("Flow.40ms", "L/s", ("-2.00", "3.00"), (-1000, 1500), [-1, 0, 1, -737, 716, -1, 5, 6])
_CHECKSUM = Signal("Crc16", "", ("-32768", "32767"), (-32768, 32767), [])


def session(
    signals: Sequence[Signal] = (LEAK, RATE, SNORE),
    *,
    records: int = 2,
    seconds: str = "8.00",
    start: str = "23.08.2323.32.43",
    checksums: bool = True,
) -> bytes:
    """The file: `records` of equal length, with a checksum each where a ResMed device wrote it."""
    listed = [*signals, _CHECKSUM] if checksums else list(signals)
    counts = [len(each.samples) // records if each is not _CHECKSUM else 1 for each in listed]
    described = _described(listed, counts)
    identity = f"X X X X 0000 {binascii.crc_hqx(described, 0xFFFF):04X}" if checksums else "X X X X"
    main = [
        ("0", 8),
        (identity, 80),
        (f"Startdate {start[:2]}-AUG-2023 X X X SRN=00000000000", 80),
        (start, 16),
    ]
    main += [
        (str(256 + 256 * len(listed)), 8),
        ("EDF", 44),
        (str(records), 8),
        (seconds, 8),
        (str(len(listed)), 4),
    ]
    content = "".join(text.ljust(width) for text, width in main).encode("ascii") + described
    for number in range(records):
        record = b"".join(
            struct.pack(f"<{count}h", *each.samples[number * count : (number + 1) * count])
            for each, count in zip(signals, counts, strict=False)
        )
        content += record + struct.pack("<H", binascii.crc_hqx(record, 0xFFFF)) if checksums else record
    return content


def events(annotations: Sequence[tuple[str, str, str]], *, resmed: bool = True) -> bytes:
    """An EDF+ file of annotations only: onset, duration and text of each, such as `+120`, `14`, `Hypopnea`."""
    said = b"+0\x14\x14\0" + b"".join(
        f"{onset}\x15{duration}\x14{text}\x14\0".encode() for onset, duration, text in annotations
    )
    said += b"\0" * (len(said) % 2)
    notes = Signal("EDF Annotations", "", ("0.00", "86400.00"), (-32768, 32767), [0] * (len(said) // 2))
    content = bytearray(session([notes], records=1, seconds="0.00", checksums=resmed))
    content[192:197] = b"EDF+D"
    header = 256 * (3 if resmed else 2)
    content[header : header + len(said)] = said
    if resmed:
        content[-2:] = struct.pack("<H", binascii.crc_hqx(bytes(content[header:-2]), 0xFFFF))
    return bytes(content)


def _described(signals: Sequence[Signal], counts: Sequence[int]) -> bytes:
    columns = (
        [each.label.ljust(16) for each in signals],
        [" " * 80 for _ in signals],
        [each.unit.ljust(8) for each in signals],
        [each.physical[0].ljust(8) for each in signals],
        [each.physical[1].ljust(8) for each in signals],
        [str(each.digital[0]).ljust(8) for each in signals],
        [str(each.digital[1]).ljust(8) for each in signals],
        [" " * 80 for _ in signals],
        [str(count).ljust(8) for count in counts],
        [" " * 32 for _ in signals],
    )
    return "".join("".join(column) for column in columns).encode("latin-1")
