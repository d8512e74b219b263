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
    assert (rule.key, rule.unit, rule.summary, rule.required) == ("body-temperature", "Cel", "average", True)
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
            "fields:\n  t2: {metric: body-temperature, statistic: mean}",
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
        ("unit_names: {C: Cel}", "unit_names: {C: degC}", "line 7: `C: degC`: no field takes degC"),
        ("unit_names: {C: Cel}", "unit_names: {bpm: /min}", "line 7: `bpm: /min`: no field takes /min"),
        ("unit_names: {C: Cel}", "unit_names: {'[degF]': Cel}", "line 7: `[degF]: Cel`: [degF] is a unit of"),
        ("text: Thermometer", 'text: "a\\0b"', "line 1: `text` is not one of at most 200 printable"),
        ("version:", "# \a\nversion:", "line 2: control characters are not allowed"),
        ("fields:", "feelds:", "`fields` is missing"),
    ],
)
def test_a_mistake_in_a_profile_is_refused_with_its_place(was, becomes, complaint):
    assert was in THERMOMETER
    with pytest.raises(InvalidDeclaration) as caught:
        read_profile("thermometer", parse(THERMOMETER.replace(was, becomes, 1), "thermometer.yaml"))

    assert str(caught.value).startswith("thermometer.yaml, line ")
    assert complaint in str(caught.value)


MISTAKEN = """\
text: Band
version: one point two
shape: {time_unit: m, sequence: "seq["}
ecg_report: [pulse, qt]
fields:
  pulse: {metric: pulse, unit: /min, path: hr, required: maybe}
  temperature: {metric: body-temperature, unit: bar, path: "`36`", colour: red}
  systolic: {metric: systolic-pressure, unit: "mm[Hg]", path: sys}
  height: {metric: body-height, path: h}
  weight: [body-weight]
tables:
  export:
    delimiter: "::"
    time: {columns: [t], format: iso}
    columns:
      HR: {field: pulse}
      H: {field: height, unit: kg, colour: red}
      W: {field: width}
colour: red
"""


def test_all_mistakes_are_said_with_their_lines_and_none_that_follows_from_another():
    with pytest.raises(InvalidDeclaration) as caught:
        read_profile("band", parse(MISTAKEN, "band.yaml"))

    found = [each.partition(": ")[::2] for each in str(caught.value).splitlines()]
    assert [
        (int(where.rpartition(" ")[2]), what.partition(":")[0].partition(" ")[0]) for where, what in found
    ] == [
        (2, "`version"),
        (3, "`sequence`"),
        (3, "`time_unit"),
        (3, "`time`"),
        (4, "`ecg_report"),
        (6, "`required"),
        (6, "`metric"),
        (7, "`path`"),
        (7, "`unit"),
        (7, "`colour`"),
        (9, "`height`"),
        (10, "this"),
        (13, "`delimiter"),
        (17, "`unit"),
        (18, "`field"),
        (19, "`colour`"),
    ]


BLOOD_PRESSURE = """\
text: Cuff
version: "1"
fields:
  systolic:
    metric: systolic-pressure
    unit: "mm[Hg]"
    site: left upper arm
  diastolic:
    metric: diastolic-pressure
    unit: "mm[Hg]"
"""


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        (
            '    unit: "mm[Hg]"\n    site: left upper arm',
            '    unit: "mm[Hg]"\n    statistic: mean',
            "line 8: the parts of blood-pressure are measured together",
        ),
        (
            "  diastolic:\n",
            "  diastolic:\n    site: right wrist\n",
            "line 8: blood-pressure is one Observation and has one `site`, not `left upper arm` and `right wrist`",
        ),
        ("site: left upper arm", 'site: "a\\tb"', "line 7: `site` is not a text"),
        ("site: left upper arm", "path: bp.sys", "line 4: `systolic` has a path, and there is no `shape:`"),
        (
            'version: "1"\n',
            'version: "1"\nmdc_device_type: cuff\n',
            "line 3: `mdc_device_type: cuff` is no MDC code",
        ),
        (
            'version: "1"\n',
            'version: "1"\nshape: {time: at}\n',
            "line 5: `systolic` has no `path`",
        ),
        (
            'metric: diastolic-pressure\n    unit: "mm[Hg]"',
            "metric: pap-leak-median\n    statistic: maximum",
            "line 10: `statistic: maximum`: the code of pap-leak-median says median",
        ),
        (
            'metric: diastolic-pressure\n    unit: "mm[Hg]"',
            "metric: therapy-mode-set\n    statistic: mean",
            "line 10: `statistic: mean`: therapy-mode-set is no number that was measured",
        ),
        (
            "metric: diastolic-pressure\n",
            "metric: glucose-capillary\n    by_unit:\n      mmol/L: glucose-capillary-molar\n      mm: body-height\n",
            "line 13: `unit: mm[Hg]`",
        ),
    ],
)
def test_what_a_section_asks_of_others_is_refused_at_the_line_that_breaks_it(was, becomes, complaint):
    assert was in BLOOD_PRESSURE
    with pytest.raises(InvalidDeclaration) as caught:
        read_profile("cuff", parse(BLOOD_PRESSURE.replace(was, becomes, 1), "cuff.yaml"))

    assert complaint in str(caught.value)


def test_a_type_without_a_field_is_refused():
    with pytest.raises(InvalidDeclaration, match=r"line 3: `fields` is empty"):
        read_profile("cuff", parse('text: Cuff\nversion: "1"\nfields: {}\n', "cuff.yaml"))
