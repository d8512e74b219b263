"""The nights of a ResMed card."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ingest.decoders.resmed import decode
from ingest.errors import UnreadableFile
from ingest.ports import Device
from mappers.mapped import Mapped, MappingContext
from mappers.observation import map_reading
from mappers.profile import device_profile
from mappers.reading import Absent
from tests.data.resmed_card import CARD, card

RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)
DEVICE = Device(
    1, "d1", "cpap-1", "apap", disabled=False, secrets=(), assignments=(), assignments_since=RECEIVED
)
ZONE = timezone(timedelta(hours=-5))


def test_each_night_that_was_used_is_a_reading_from_noon_to_noon():
    nights = decode(card(), DEVICE, RECEIVED, ZONE)

    assert [reading.time.text for reading in nights.readings] == [
        "2023-08-21T12:00:00-05:00",
        "2023-08-23T12:00:00-05:00",
    ]
    assert {reading.duration for reading in nights.readings} == {timedelta(days=1)}
    assert nights.unused == 1


def test_the_night_in_which_clocks_are_put_back_lasts_longer():
    days = [(date(2023, month, day) - date(1970, 1, 1)).days for month, day in ((10, 28), (10, 29), (10, 30))]
    nights = decode(
        card(CARD | {"Date": (*CARD["Date"][:3], days)}), DEVICE, RECEIVED, ZoneInfo("Europe/Berlin")
    )

    assert [(each.time.text[10:], each.duration) for each in nights.readings] == [
        ("T12:00:00+02:00", timedelta(hours=25)),
        ("T12:00:00+01:00", timedelta(hours=24)),
    ]


def test_values_are_exact_and_in_the_cards_own_units():
    night = decode(card(), DEVICE, RECEIVED, ZONE).readings[0]

    assert night.fields["leak95"] == Decimal("0.26")
    assert night.fields["pressure95"] == Decimal("5.52")
    assert night.fields["ahi"] == Decimal("0.2")
    assert night.fields["usage"] == 254
    assert (night.units["leak95"], night.units["usage"], night.units["ahi"]) == ("L/s", "min", "/h")


def test_the_settings_are_those_of_the_nights_own_mode():
    fixed, automatic = (reading.fields for reading in decode(card(), DEVICE, RECEIVED, ZONE).readings)

    assert (fixed["mode"], fixed["pressureSet"]) == ("CPAP", 7)
    assert "pressureMaximumSet" not in fixed
    assert (automatic["mode"], automatic["pressureMinimumSet"]) == ("APAP", Decimal("7.6"))
    assert "pressureSet" not in automatic


def test_a_missing_value_is_stored_as_absent_and_never_as_a_number():
    night = decode(card(), DEVICE, RECEIVED, ZONE).readings[1]
    profile = device_profile("apap")
    mapped = map_reading(night, MappingContext("p1", "d1", profile, b"k" * 32))

    assert night.fields["ahi"] == Absent("unknown")
    assert isinstance(mapped, Mapped), mapped
    (ahi,) = [each for each in mapped.resources if each["code"]["coding"][0]["code"] == "69990-0"]
    assert ahi["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert "valueQuantity" not in ahi


def test_a_mode_that_is_not_known_gives_its_measurements_and_no_settings():
    signals = CARD | {"Mode": ("", (0, 16), (0, 16), [0, 0, 9])}
    nights = decode(card(signals), DEVICE, RECEIVED, ZONE)

    assert nights.modes == (9,)
    assert "mode" not in nights.readings[1].fields
    assert nights.readings[1].fields["usage"] == 130


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (card()[:-3], "of the 4448 bytes that it declares"),
        (card()[:300], "no complete EDF: it ends at byte 300, within its header"),
        (b"0       " + b"x" * 600, "no complete EDF: byte 252 is 'xxxx', which is no number"),
        (card({name: row for name, row in CARD.items() if name != "AHI"}), "no signal 'AHI'"),
        (card(CARD | {"Leak.95": ("mL/s", (0, 2), (0, 100), [1, 1, 1])}), "Leak.95 is in 'mL/s'"),
    ],
    ids=["cut short", "cut in its header", "noise", "a signal is missing", "another unit"],
)
def test_a_broken_card_is_refused_with_its_place(content, complaint):
    with pytest.raises(UnreadableFile, match=complaint):
        decode(content, DEVICE, RECEIVED, ZONE)


def test_days_are_counted_from_1970():
    night = decode(card(), DEVICE, RECEIVED, UTC).readings[0]

    assert night.time.moment.date() - date(1970, 1, 1) == timedelta(days=19590)


def test_a_day_was_last_changed_when_its_last_session_began_or_ended():
    on = ("min.", (0, 1440), (0, 1440), [600, 700, -1, -1, 610, 900])
    off = ("min.", (0, 1440), (0, 1440), [650, 901, -1, -1, 800, -1])
    nights = decode(card(CARD | {"MaskOn": on, "MaskOff": off}), DEVICE, RECEIVED, ZONE).readings

    assert [each.revised for each in nights] == [
        datetime(2023, 8, 22, 3, 1, tzinfo=ZONE),
        datetime(2023, 8, 24, 3, tzinfo=ZONE),
    ]
    assert all(each.corrects for each in nights)


def test_a_card_without_its_sessions_corrects_nothing():
    assert {(each.revised, each.corrects) for each in decode(card(), DEVICE, RECEIVED, ZONE).readings} == {
        (None, False)
    }


def test_a_signal_with_several_values_a_day_is_no_summary():
    twice = {"AHI": ("", (0, 240), (0, 2400), [2, 3, 4, 5, 6, 7])}
    with pytest.raises(UnreadableFile, match="AHI has not one value for each day"):
        decode(card(CARD | twice), DEVICE, RECEIVED, ZONE)


def test_a_signal_without_calibration_is_refused_and_never_zero():
    flat = card().replace(b"240     ", b"0       ")
    with pytest.raises(UnreadableFile, match="AHI has no calibration"):
        decode(flat, DEVICE, RECEIVED, ZONE)


COMFORT = {
    "S.RampEnable": ("", (0, 16), (0, 16), [1, 1, 2]),
    "S.RampTime": ("min.", (5, 45), (5, 45), [15, 15, 15]),
    "S.C.StartPress": ("cmH2O", (4, 20), (200, 1000), [320, 320, 320]),
    "S.AS.StartPress": ("cmH2O", (4, 20), (200, 1000), [200, 200, 250]),
    "S.EPR.ClinEnable": ("", (0, 16), (0, 16), [1, 1, 1]),
    "S.EPR.EPREnable": ("", (0, 16), (0, 16), [1, 1, 1]),
    "S.EPR.EPRType": ("", (0, 16), (0, 16), [1, 1, 0]),
    "S.EPR.Level": ("cmH2O", (1, 3), (50, 150), [100, 100, 150]),
}


def nights(**signals):
    named = {name.replace("__", "."): row for name, row in signals.items()}
    return decode(card(CARD | COMFORT | named), DEVICE, RECEIVED, ZONE).readings


def test_ramp_and_relief_are_those_that_were_in_use():
    fixed, automatic = (reading.fields for reading in nights())

    assert (fixed["rampTime"], fixed["rampStartPressure"]) == (15, Decimal("6.4"))
    assert (fixed["expiratoryRelief"], fixed.get("expiratoryReliefInRamp")) == (2, None)
    assert ("rampTime" in automatic, automatic["rampStartPressure"]) == (False, 5)
    assert (automatic.get("expiratoryRelief"), automatic["expiratoryReliefInRamp"]) == (0, 3)


def test_what_is_switched_off_is_0_whatever_its_length_or_level():
    off = ("", (0, 16), (0, 16), [0, 0, 0])
    ramp = nights(S__RampEnable=off)[0].fields
    allowed, chosen = (
        nights(**{name: off})[0].fields for name in ("S__EPR__ClinEnable", "S__EPR__EPREnable")
    )

    assert (ramp["rampTime"], "rampStartPressure" in ramp) == (0, False)
    assert allowed["expiratoryRelief"] == chosen["expiratoryRelief"] == 0


def test_the_statistics_of_breathing_and_saturation_keep_their_statistic():
    night = nights(
        SpO2__50=("%", (0, 100), (0, 100), [94, -1, -1]),
        SpO2__95=("%", (0, 100), (0, 100), [97, -1, -1]),
        SpO2__Max=("%", (0, 100), (0, 100), [99, -1, -1]),
        RespRate__50=("bpm", (0, 50), (0, 250), [80, -1, 75]),
        RespRate__Max=("bpm", (0, 50), (0, 250), [120, -1, 110]),
        TidVol__50=("L", (0, 4), (0, 200), [20, -1, 20]),
        MinVent__50=("L/min", (0, 30), (0, 240), [56, -1, 56]),
        HI=("", (0, 240), (0, 2400), [7, -1, 0]),
        AI=("", (0, 240), (0, 2400), [2, -1, 0]),
        RIN=("", (0, 240), (0, 2400), [1, -1, 0]),
    )[0]
    mapped = map_reading(night, MappingContext("p1", "d1", device_profile("apap"), b"k" * 32))
    assert isinstance(mapped, Mapped), mapped
    found = {shown(each): value(each) for each in mapped.resources}

    assert found["2708-6", "median"] == ("94", "%")
    assert found["2708-6", "maximum"] == ("99", "%")
    assert found["oxygen-saturation-p95", None] == ("97", "%")
    assert found["33438-3", "median"] == ("16", "/min")
    assert found["33438-3", "maximum"] == ("24", "/min")
    assert found["76222-9", "median"] == ("400", "mL")
    assert found["8411056", "median"] == ("7", "L/min")
    assert found["hypopnea-index", None] == ("0.7", "/h")
    assert found["apnea-index", None] == ("0.2", "/h")
    assert found["arousal-index", None] == ("0.1", "/h")


def shown(resource):
    statistic = [each["code"]["coding"][0]["code"] for each in resource.get("component", ())]
    return resource["code"]["coding"][0]["code"], (statistic or [None])[0]


def value(resource):
    holder = resource["component"][0] if "component" in resource else resource
    quantity = holder.get("valueQuantity")
    return None if quantity is None else (f"{Decimal(quantity['value']).normalize():f}", quantity["code"])


def test_a_night_too_short_for_a_breathing_rate_has_none():
    night = nights(RespRate__50=("bpm", (0, 50), (0, 250), [0, -1, 75]))[0]

    assert night.fields["respiratoryRateMedian"] == Absent("unknown")


def test_a_night_without_an_oximeter_says_nothing_of_saturation():
    nothing = ("%", (0, 100), (0, 100), [-1, -1, -1])
    night = nights(SpO2__50=nothing, SpO2__95=nothing, SpO2__Max=nothing)[0]

    assert not any(name.startswith("spo2") for name in night.fields)


@pytest.mark.parametrize("recording", ["Startdate 21-AUG-2023 X X X MID=46  VID=39", "Startdate X X X X"])
def test_the_coded_settings_of_another_device_are_not_read_as_those_of_this_one(recording):
    found = decode(card(CARD | COMFORT, recording), DEVICE, RECEIVED, ZONE)

    assert found.modes == (0, 1)
    assert not {"mode", "pressureSet", "rampTime", "expiratoryRelief"} & found.readings[0].fields.keys()
    assert found.readings[0].fields["ahi"] == Decimal("0.2")
