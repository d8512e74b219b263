"""EDF files: what they declare, the checksums of a ResMed device, sentinels, annotations, and every way to break them."""

import tracemalloc
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoders.edf import recording
from ingest.errors import UnreadableFile
from tests.data.resmed_session import FLOW, LEAK, PULSE, RATE, events, session


@pytest.fixture
def read(tmp_path):
    def readable(content):
        path = tmp_path / "file.edf"
        path.write_bytes(content)
        return recording(path)

    return readable


def test_a_recording_has_its_signals_start_and_length(read):
    found = read(session())

    assert (found.start, found.duration, found.is_resmed) == (
        datetime(2023, 8, 23, 23, 32, 43),  # noqa: DTZ001 - a header knows no zone
        timedelta(seconds=16),
        True,
    )
    assert [(each.label, each.unit, each.rate) for each in found.signals] == [
        ("Leak.2s", "L/s", Fraction(1, 2)),
        ("RespRate.2s", "bpm", Fraction(1, 2)),
        ("Snore.2s", "", Fraction(1, 2)),
    ]


def test_values_are_exact_and_minus_one_is_none_where_the_header_says_that_it_cannot_be(read):
    leak, _, _ = read(session()).signals

    assert leak.counts() == (
        {Decimal(0): 2, Decimal("0.02"): 2, Decimal("0.04"): 1, Decimal("0.26"): 1},
        2,
    )
    assert leak.samples(7) == [0, 0, 1, 1, 2, 13, None]


def test_minus_one_is_a_flow_like_any_other(read):
    (flow,) = read(session([FLOW])).signals

    assert flow.counts()[0][Decimal("-0.002")] == 2
    assert flow.counts()[1] == 0


def test_a_signal_without_any_value_has_none(read):
    (pulse,) = read(session([PULSE])).signals

    assert pulse.counts() == ({}, 8)


def test_annotations_have_their_onset_duration_and_words(read):
    found = read(events([("+0", "0", "Recording starts"), ("+125.5", "14", "Obstructive apnea")]))

    assert [(each.after, each.duration, each.text) for each in found.annotations] == [
        (timedelta(0), None, "Recording starts"),
        (timedelta(seconds=125.5), timedelta(seconds=14), "Obstructive apnea"),
    ]


@pytest.mark.parametrize("content", [session(), session(checksums=False), events([("+1", "2", "Hypopnea")])])
def test_a_file_that_breaks_off_anywhere_is_refused(read, content):
    for kept in range(0, len(content), 7):
        with pytest.raises(UnreadableFile):
            read(content[:kept])
    with pytest.raises(UnreadableFile, match="that it declares"):
        read(content + b"\0")


def test_every_flipped_bit_behind_the_main_header_is_found_and_placed(read):
    content = session([LEAK, RATE])
    for bit in range(256 * 8, len(content) * 8):
        broken = bytearray(content)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(UnreadableFile) as refused:
            read(bytes(broken))
        if bit // 8 >= 1024:
            record = 1 if bit // 8 < 1024 + 18 else 2
            assert f"Record {record}, from byte {1024 + 18 * (record - 1)}" in str(refused.value)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_a_header_says_the_answer_is_a_recording_or_why_not(tmp_path_factory, data):
    content = session([LEAK, RATE], checksums=False)
    position = data.draw(st.integers(0, 767))
    said = data.draw(
        st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"-1", b"99999999", b"nan", b"0"]))
    )
    path = tmp_path_factory.mktemp("edf") / "file.edf"
    path.write_bytes((content[:position] + said + content[position + len(said) :])[: len(content)])
    try:
        for signal in recording(path).signals:
            signal.counts()
    except UnreadableFile:
        return


def test_a_header_that_claims_very_many_records_costs_no_memory(read):
    content = bytearray(session(checksums=False))
    content[236:244] = b"99999999"
    tracemalloc.start()
    with pytest.raises(UnreadableFile, match="that it declares"):
        read(bytes(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2_000_000


def test_a_file_that_was_not_closed_is_refused(read):
    content = bytearray(session(checksums=False))
    content[236:244] = b"-1      "
    with pytest.raises(UnreadableFile, match="not closed"):
        read(bytes(content))


def test_a_file_that_gives_two_days_is_refused(read):
    content = session().replace(b"23.08.23", b"24.08.23")
    with pytest.raises(UnreadableFile, match=r"24\.08\.23.*23\.08\.2023"):
        read(content)
