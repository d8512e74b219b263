"""Rejected readings of a file as dead letters keep them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from ingest.decoders import kept
from ingest.decoders.batch import json_batch
from ingest.decoders.reading import Series
from ingest.ports import Device
from mappers.circumstances import Circumstances
from mappers.reading import Absent, Reading
from mappers.times import device_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEVICE = Device(1, "d", "cpap-1", "apap", False, (), (), NOW)
READING = Reading(
    device="cpap-1",
    profile="apap",
    time=device_time("2023-08-21T12:00:00.250+02:00"),
    received=NOW,
    fields={"ahi": Absent("unknown"), "leak95": Decimal("0.10"), "usage": 254, "mode": "CPAP"},
    units={"leak95": "L/s"},
    patient="p1",
    sequence="7",
    duration=timedelta(days=1),
    corrects=True,
    revised=datetime(2023, 8, 22, 3, 1, tzinfo=timezone(timedelta(hours=2))),
)


def decoded(letter):
    (item,) = json_batch(letter, 1).items
    return kept.decode(item, DEVICE, NOW)


def test_a_letter_gives_back_the_readings_it_was_made_of():
    letter = kept.letter([READING], "STR.edf", "night of 2023-08-21", alone=True)
    assert decoded(letter) == Series((READING,))
    assert b'"0.10"' not in letter
    assert b"0.10" in letter


@pytest.mark.parametrize(
    ("reading", "alone"),
    [(READING, False), (replace(READING, circumstances=Circumstances(notes=("x",))), True)],
    ids=["a recording has more than its readings", "a reading says more than its values"],
)
def test_what_a_letter_cannot_hold_is_to_be_brought_again(reading, alone):
    (issue,) = decoded(kept.letter([reading], "a.edf", "x", alone=alone))
    assert issue.diagnostics == "It stood in the file 'a.edf'. Bring that file again."


def test_a_letter_is_bounded():
    letter = kept.letter([READING] * 1_000, "a.edf", "x", alone=True)
    assert len(letter) < 100
    assert decoded(letter)[0].code == "not-supported"
