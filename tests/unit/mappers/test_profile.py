import pytest

from mappers.declaration import parse
from mappers.errors import InvalidDeclaration, UnknownProfile
from mappers.profile import PROFILES, check_profiles, device_profile, read_profile

THERMOMETER = """\
text: Thermometer
version: "1"
mdc_device_type: 528392
source: live
sequence: required
resolution: subsecond
unit_names: {C: Cel}
fields:
  temperature:
    also: [t]
    metric: body-temperature
    unit: Cel
    required: true
    statistic: mean
    modality: sensed
    kind: measurement
"""


def test_every_profile_is_sound():
    check_profiles()
    assert {device_profile(key).key for key in PROFILES} == set(PROFILES)


def test_a_sound_profile_is_read():
    profile = read_profile("thermometer", parse(THERMOMETER, "thermometer.yaml"))
    rule = profile.fields["t"]

    assert rule is profile.fields["temperature"]
    assert (rule.key, rule.unit, rule.statistic, rule.required) == ("body-temperature", "Cel", "mean", True)
    assert (profile.sequence, profile.resolution, profile.mdc_device_type) == (
        "required",
        "subsecond",
        "528392",
    )
    assert set(rule.conversions) == {"Cel", "[degF]", "K"}


def test_an_unknown_device_type_is_refused_with_those_there_are():
    with pytest.raises(UnknownProfile, match=r"'toaster'\. Choose one of activity-tracker"):
        device_profile("toaster")


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("metric: body-temperature", "metric: fever", "line 11: `metric: fever` is not in the registry"),
        (
            "metric: body-temperature",
            "metric: blood-pressure",
            "line 11: `metric: blood-pressure` has no value",
        ),
        ("metric: body-temperature", "metric: heart-rate", "line 12: `unit: Cel`: Cel cannot become /min"),
        ("unit: Cel", "unit: degC", "line 12: `unit: degC`: 'degC' is not a UCUM code"),
        (
            "metric: body-temperature",
            "code: 8310-5\n    metric: body-temperature",
            "line 11: `code` is unknown",
        ),
        ("    kind: measurement", "    kind: setting", "body-temperature is a measurement"),
        ("    unit: Cel", "    unit: Cel\n    by_unit: {K: fever}", "`K: fever` is no metric"),
        ("source: live", "source: live\ngroup: blood-pressure", "`group: blood-pressure` is no panel"),
        (
            "metric: body-temperature",
            "metric: consciousness",
            "`unit: Cel`: a value chosen from a list has no unit",
        ),
        ("    kind: measurement", "    kind: guess", "`kind: guess` is unknown. Choose one of"),
        ("statistic: mean", "statistic: average", "`statistic: average` is unknown"),
        ("modality: sensed", "modality: felt", "`modality: felt` is unknown"),
        ("required: true", "required: yes", "`required: yes` is neither true nor false"),
        ("sequence: required", "sequence: maybe", "line 5: `sequence: maybe` is unknown"),
        ("source: live", "colour: red", "line 4: `colour` is unknown here"),
        ("also: [t]", "also: [temperature]", "two fields go by the name `temperature`"),
        ("also: [t]", "also: t", "line 10: `also` is not a list"),
        (
            "fields:",
            "fields:\n  t2: {metric: body-temperature}",
            "two fields are the metric `body-temperature`",
        ),
        (
            "fields:",
            "fields:\n  mean: {metric: mean-pressure}",
            "line 9: `mean-pressure` is part of blood-pressure, which also needs `systolic-pressure`",
        ),
        ("text: Thermometer\n", "", "line 1: `text` is missing"),
        ('version: "1"\n', "", "line 1: `version` is missing"),
        ('version: "1"', "version: one point two", "line 2: `version: one point two` is not a version"),
        ("unit_names: {C: Cel}", "unit_names: [C]", "this is not a mapping"),
        ("fields:", "feelds:", "`fields` is missing"),
    ],
)
def test_a_mistake_in_a_profile_is_refused_with_its_place(was, becomes, complaint):
    assert was in THERMOMETER
    with pytest.raises(InvalidDeclaration) as caught:
        read_profile("thermometer", parse(THERMOMETER.replace(was, becomes, 1), "thermometer.yaml"))

    assert str(caught.value).startswith("thermometer.yaml, line ")
    assert complaint in str(caught.value)
