"""WFDB records: calibration, formats, checksums, annotations, and every way to break them."""

import struct
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoders import wfdb_samples
from ingest.decoders.wfdb import Record, record
from ingest.decoders.wfdb_annotations import annotations
from ingest.decoders.wfdb_header import header
from ingest.errors import UnreadableFile
from tests.data import wfdb_record
from tests.data.wfdb_record import FIRST, SECOND, written


def read(files: dict[str, Path], keep: int = 10_000) -> Record:
    return record(files["r1.hea"], files, lambda length: min(length, keep))


def test_a_record_is_read_with_its_samples_and_beats(tmp_path):
    found = read(written(tmp_path))

    assert [each.samples for each in found.channels] == [tuple(FIRST), tuple(SECOND)]
    assert (found.length, found.header.rate, found.header.start) == (
        720,
        Fraction(360),
        datetime(2023, 8, 23, 22, 30, 15),  # noqa: DTZ001 - a header knows no zone
    )
    assert found.header.comments == ("69 M",)
    assert [(each.sample, each.code) for each in found.annotations] == [
        (18, "+"),
        (77, "N"),
        (370, "N"),
        (600, "V"),
        (719, "A"),
    ]
    assert found.annotations[0].text == "(N"
    assert found.annotations[3].beat == "Premature ventricular contraction"


def test_of_a_long_signal_only_what_is_asked_for_is_kept_and_all_of_it_is_checked(tmp_path):
    files = written(tmp_path)
    assert [len(each.samples) for each in read(files, keep=7).channels] == [7, 7]

    content = bytearray(wfdb_record.signal_file())
    content[-1] ^= 1
    with pytest.raises(UnreadableFile, match=r"V5 in r1\.dat do not have the checksum"):
        read(written(tmp_path, signals=bytes(content)), keep=7)


@pytest.mark.parametrize(
    ("text", "gain", "baseline", "unit"),
    [
        ("200", Decimal(200), 1024, "mV"),
        ("200.5(-3)/uV", Decimal("200.5"), -3, "uV"),
        ("1e1/mmHg", Decimal("1e1"), 1024, "mmHg"),
        ("0", None, 1024, "mV"),
    ],
)
def test_the_calibration_is_the_headers(text, gain, baseline, unit):
    (signal, _) = header(wfdb_record.header(gain=text).encode()).signals

    assert (signal.gain, signal.baseline, signal.unit) == (gain, baseline, unit)


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        ("", "no record line"),
        ("r1/2 2 360 720\n", "several segments"),
        ("r1 2 360 720\nr1.dat 16\n", "says 2 signals, and 1 lines follow"),
        ("r1 0 360 720\n", "0 signals"),
        ("r1 999999999 360\n", "999999999 signals"),
        ("r1 1 0 720\nr1.dat 16\n", "no sampling frequency"),
        ("r1 1 360 720 1:2:3 31/2/2023\nr1.dat 16\n", "no time and date"),
        ("r1 1 360 720\n../r1.dat 16\n", "no name of a file"),
        ("r1 1 360 720\n/etc/passwd 16\n", "no name of a file"),
        ("r1 1 360 720\nr1.dat 16x4\n", "several rates"),
        ("r1 1 360 720\nr1.dat 16:3\n", "several rates, or skewed"),
        ("r1 1 360 720\nr1.dat flac\n", "no format of samples"),
        ("r1 1 360 720\nr1.dat 8\n", "format 8, which is not read"),
        ("r1 1 360 720\nr1.dat 16 x/mV\n", "no gain"),
        ("r1 1 360 720\nr2.dat 16\n", "r2.dat, which was not brought"),
        ("r1 1 360 1000000000\nr1.dat 16\n", "r1.dat ends at byte 2160 of the 2000000000"),
        ("r1 2 360 720\nr1.dat 16\nr1.dat 212\n", "several formats"),
    ],
)
def test_a_header_that_is_not_read_says_which_field_it_is(tmp_path, head, complaint):
    with pytest.raises(UnreadableFile, match=complaint):
        read(written(tmp_path, head))


# what each format makes of samples at its ends: written as signal(5) describes it
_ENDS = {
    16: ([1, -1, 32767, -32767], struct.pack("<4h", 1, -1, 32767, -32767)),
    61: ([1, -1, 32767, -32767], struct.pack(">4h", 1, -1, 32767, -32767)),
    160: ([1, -1, 32767, -32767], struct.pack("<4H", 32769, 32767, 65535, 1)),
    80: ([1, -1, 127, -127], bytes([129, 127, 255, 1])),
    24: ([1, -1, 8388607, -8388607], bytes.fromhex("010000ffffffffff7f010080")),
    32: ([1, -1, 2**31 - 1, 1 - 2**31], struct.pack("<4i", 1, -1, 2**31 - 1, 1 - 2**31)),
    212: ([1, -1, 2047, -2047], bytes.fromhex("01f0ffff8701")),
    310: (
        [1, -1, 511, 2, -2, -511],
        struct.pack("<4H", 1 << 1 | 31 << 11, 1023 << 1 | 15 << 11, 2 << 1 | 1 << 11, 1022 << 1 | 16 << 11),
    ),
    311: (
        [1, -1, 511, 2, -2, -511],
        struct.pack("<2I", 1 | 1023 << 10 | 511 << 20, 2 | 1022 << 10 | 513 << 20),
    ),
}


@pytest.mark.parametrize("form", _ENDS)
def test_each_format_holds_its_samples_as_it_is_described(form):
    samples, content = _ENDS[form]

    assert wfdb_samples.size(form, len(samples)) == len(content)
    assert wfdb_samples.samples(form, content, len(samples)).tolist() == samples


@pytest.mark.parametrize("form", [16, 24, 32, 61, 80, 160, 212, 310, 311])
@given(content=st.binary(min_size=48, max_size=48), wanted=st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_a_part_of_the_samples_is_the_beginning_of_all(form, content, wanted):
    whole = wfdb_samples.samples(form, content, 12)

    assert np.array_equal(
        wfdb_samples.samples(form, content[: wfdb_samples.size(form, wanted)], wanted), whole[:wanted]
    )


def test_a_missing_sample_is_none_and_not_a_number(tmp_path):
    head = "r1 1 360 2\nr1.dat 16 200 16 0 5 0 0 II\n"
    found = read(written(tmp_path, head, struct.pack("<2h", 5, -32768), wfdb_record.annotations(())))

    assert found.channels[0].samples == (5, None)


def test_a_long_interval_is_read_with_its_upper_half_first():
    content = wfdb_record.annotations([(100_000, 1, b""), (270_000, 5, b"")])

    assert [each.sample for each in annotations(content, 300_000)] == [100_000, 270_000]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\1\4", "without their end mark"),
        (struct.pack("<HH", 55 << 10 | 3, 0), "Byte 0 of the annotations has the code 55"),
        (struct.pack("<HH", 1 << 10 | 900, 0), "Byte 0 of the annotations is at sample 900"),
        (
            struct.pack("<5H", 1 << 10 | 9, 59 << 10, 0xFFFF, 0xFFFD, 1 << 10 | 1) + b"\0\0",
            "not from 9 to 720",
        ),
        (
            wfdb_record.annotations([(0, 22, b"## time resolution: 720")]),
            "time resolution of their own",
        ),
    ],
)
def test_broken_annotations_say_at_which_byte(content, complaint):
    with pytest.raises(UnreadableFile, match=complaint):
        annotations(content, 720)


@pytest.mark.parametrize("name", ["r1.dat", "r1.atr"])
def test_a_record_that_breaks_off_anywhere_is_refused(tmp_path, name):
    files = written(tmp_path)
    content = files[name].read_bytes()
    for kept in range(len(content)):
        files[name].write_bytes(content[:kept])
        with pytest.raises(UnreadableFile):
            read(files)


def test_every_flipped_bit_of_the_samples_is_found(tmp_path):
    content = wfdb_record.signal_file()[:60]
    samples = wfdb_samples.samples(212, content, 40)
    first, second = samples[::2].tolist(), samples[1::2].tolist()
    head = (
        f"r1 2 360 20\nr1.dat 212 200 11 1024 0 {wfdb_record.checksum(first)} 0 I\n"
        f"r1.dat 212 200 11 1024 0 {wfdb_record.checksum(second)} 0 II\n"
    )
    for bit in range(len(content) * 8):
        broken = bytearray(content)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(UnreadableFile, match="checksum"):
            read(written(tmp_path, head, bytes(broken), b"\0\0"))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_whatever_bytes_come_as_header_or_annotations_the_answer_is_a_record_or_why_not(
    tmp_path_factory, data
):
    folder = tmp_path_factory.mktemp("record")
    head, beats = wfdb_record.header().encode(), wfdb_record.annotations()
    position = data.draw(st.integers(0, len(head) - 1))
    mutant = head[:position] + data.draw(st.binary(max_size=3)) + head[position + 1 :]
    place = data.draw(st.integers(0, len(beats) - 1))
    files = written(folder, beats=beats[:place] + data.draw(st.binary(max_size=2)) + beats[place + 1 :])
    files["r1.hea"].write_bytes(mutant)
    try:
        found = read(files)
    except UnreadableFile:
        return
    assert found.length >= 1
