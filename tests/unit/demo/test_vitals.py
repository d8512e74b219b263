"""Readings of a resting person."""

import random
from itertools import islice

from fhir_server.demo.vitals import blood_pressure, pulse_oximetry


def test_readings_stay_where_a_resting_persons_are():
    for reading in islice(pulse_oximetry(random.Random(1)), 2000):
        assert 90 < reading["spo2"] < 100
        assert 50 < reading["pulseRate"] < 100


def test_the_mean_pressure_lies_between_the_two_others():
    for reading in islice(blood_pressure(random.Random(1)), 2000):
        assert reading["diastolic"]["value"] < reading["mean"]["value"] < reading["systolic"]["value"]
