"""Templates of iomt-fhir, wrong ones as they stand in public repositories among them."""

import json

import pytest

from mappers.declaration import parse
from mappers.errors import InvalidTemplate
from mappers.iomt.imported import imported_type
from mappers.iomt.paths import path, readings
from mappers.iomt.templates import Expression
from mappers.metrics import metrics
from mappers.profiles import own_profile

LOINC = "http://loinc.org"


def content(type="pulse", match="$..[?(@bpm)]", values=(("hr", "$.bpm"),), **members):
    said = {
        "typeName": type,
        "typeMatchExpression": match,
        "deviceIdExpression": "$.id",
        "timestampExpression": "$.at",
        "values": [{"required": "true", "valueName": name, "valueExpression": at} for name, at in values],
    } | members
    return {"templateType": "JsonPathContent", "template": said}


def coded(codes, unit, name="hr", type="pulse", **members):
    value = {"unit": unit, "valueName": name, "valueType": "Quantity"} | members
    return {"templateType": "CodeValueFhir", "template": {"typeName": type, "codes": codes, "value": value}}


def loinc(code, display=""):
    return {"system": LOINC, "code": code, "display": display}


def component(code, display, unit, name):
    return {
        "codes": [loinc(code, display)],
        "value": {"unit": unit, "valueName": name, "valueType": "Quantity"},
    }


def imported(contents, codes):
    files = []
    if contents:
        files.append(
            ("content.json", json.dumps({"templateType": "CollectionContent", "template": contents}))
        )
    if codes:
        files.append(("mapping.json", json.dumps({"templateType": "CollectionFhir", "template": codes})))
    return imported_type("band", files)


def test_templates_that_are_right_become_a_sound_type_without_a_warning():
    made = imported(
        [content(values=(("spo2", "$.Body.vitals['oxygen sat']"),))],
        [coded([loinc("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry")], "%", "spo2")],
    )
    profile = own_profile("band", parse(made.text, "band.yaml"))

    assert made.warnings == ()
    (rule,) = profile.rules
    assert (rule.key, rule.unit, rule.path.expression) == ("oxygen-saturation", "%", 'vitals."oxygen sat"')
    assert (profile.shape.time.expression, profile.shape.device.expression) == ("at", "id")


def test_what_one_template_requires_is_required_and_what_one_of_several_does_is_not():
    codes = [
        coded([loinc("2708-6", "Oxygen saturation in Arterial blood")], "%", "spo2", "spo2"),
        coded([loinc("8310-5", "Body temperature")], "Cel", "temp", "temp"),
    ]
    first, second = content("spo2", values=(("spo2", "$.s"),)), content("temp", values=(("temp", "$.t"),))

    alone, several = imported([first], codes[:1]), imported([first, second], codes)

    assert [each.name for each in own_profile("band", parse(alone.text, "band.yaml")).required] == ["spo2"]
    assert own_profile("band", parse(several.text, "band.yaml")).required == ()


PRESSURE = {
    "templateType": "CodeValueFhir",
    "template": {
        "typeName": "pressure",
        "codes": [loinc("85354-9", "Blood pressure panel")],
        "components": [
            component("8480-6", "Systolic blood pressure", "mmHg", "systolic"),
            component("8867-4", "Diastolic blood pressure", "mmHg", "diastolic"),
        ],
    },
}


def test_the_diastolic_pressure_that_has_the_code_of_the_heart_rate_is_caught_and_left_out():
    made = imported(
        [content("pressure", values=(("systolic", "$.sys"), ("diastolic", "$.dia")))],
        [PRESSURE],
    )

    assert (
        "pressure.diastolic: http://loinc.org|8867-4 is Heart rate, which is no part of that panel. "
        "Diastolic blood pressure is the metric diastolic-pressure."
    ) in made.warnings
    assert "heart-rate" not in made.text
    assert "8867-4" not in made.text
    assert made.warnings[-1].startswith("not sound yet: band.yaml, line ")


def test_the_same_mistake_outside_a_panel_is_caught_by_the_name_and_by_the_unit():
    by_name = imported([], [coded([loinc("8867-4", "Diastolic blood pressure")], "/min")])
    by_unit = imported([], [coded([loinc("8867-4")], "mm[Hg]")])

    assert "the template calls it 'Diastolic blood pressure'" in by_name.warnings[0]
    assert any("'mm[Hg]' is no unit of heart-rate" in each for each in by_unit.warnings)
    assert "metric:" not in by_name.text + by_unit.text


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        (
            coded([loinc("8867-5", "Heart rate")], "/min"),
            "'8867-5' is no LOINC code: its check digit is wrong",
        ),
        (coded([loinc("2345-7", "Glucose")], "mg/dL"), "http://loinc.org|2345-7 is not the code of a metric"),
        (
            coded(
                [{"system": "http://snomed.info/sct", "code": "364075005", "display": "Heart rate"}], "/min"
            ),
            "http://snomed.info/sct|364075005 is not the code of a metric",
        ),
        (
            coded([loinc("8867-4", "Heart rate")], "count/min"),
            "'count/min' is no UCUM code: write what it comes",
        ),
        (coded([loinc("8867-4", "Heart rate")], ""), "it has no unit: write what it comes in, such as /min"),
        (
            coded([loinc("8867-4", "Heart rate")], "/min"),
            "it may also be heart-rate-ecg, pulse-rate-oximeter",
        ),
        (coded([loinc("9279-1", "Respiratory rate")], "breaths/minute"), "/min is taken for it"),
        (
            coded([loinc("8867-4", "Cardiac frequency")], "/min"),
            "is Heart rate, and the template calls it 'Cardiac frequency'",
        ),
        (coded([], "/min"), "it has no code"),
        (coded([loinc("8867-4")], "/min", valueType="CodeableConcept"), "is no measurement in numbers"),
    ],
)
def test_each_doubtful_code_or_unit_is_warned_of(value, warning):
    assert any(warning in each for each in imported([], [value]).warnings)


def test_no_code_of_a_template_is_ever_written_and_every_metric_is_in_the_registry():
    made = imported(
        [], [coded([loinc("8867-4", "Heart rate")], "/min"), coded([loinc("55423-8")], "count", "s", "s")]
    )
    named = [line.split()[-1] for line in made.text.splitlines() if line.strip().startswith("metric:")]

    assert named == ["heart-rate", "steps"]
    assert set(named) <= set(metrics())
    assert "8867-4" not in made.text


@pytest.mark.parametrize(
    ("contents", "warning"),
    [
        ([content(timestampExpression=None)], "no template says when"),
        ([content(timestampExpression="$..at")], "time: '$..at' cannot be said as a path"),
        ([content(), content("other", match="$.samples[*]")], "match different parts of a message"),
        ([content(), content("other", deviceIdExpression="$.who")], "have the device in different places"),
        ([content(values=(("hr", "$.list[?(@.x)].v"),))], "'$.list[?(@.x)].v' cannot be said as a path"),
        ([content(values=(("hr", "$.bpm"), ("worn", "$.worn")))], "pulse.worn: no FHIR mapping template"),
        ([content(values=(("other", "$.bpm"),))], "pulse.hr: no device content template selects it"),
    ],
)
def test_what_cannot_be_said_here_is_warned_of(contents, warning):
    made = imported(contents, [coded([loinc("8867-4", "Heart rate")], "/min")])

    assert any(warning in each for each in made.warnings)
    assert made.warnings[-1].startswith("not sound yet") or warning != "no template says when"


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("$.a.b[0].c", "JsonPath", "a.b[0].c"),
        ("$['a b'][\"c\"]", "JsonPath", '"a b".c'),
        ("$.matchedToken.hr", "JsonPath", "hr"),
        ("$.Body.hr", "JsonPath", "hr"),
        ("$..hr", "JsonPath", None),
        ("$", "JsonPath", None),
        ("hr", "JsonPath", None),
        ("@.matchedToken.hr", "JmesPath", "hr"),
        ("matchedToken.hr[0]", "JmesPath", "hr[0]"),
        ("fromUnixTimestampMs(matchedToken.at)", "JmesPath", None),
    ],
)
def test_a_path_is_said_in_our_language_or_not_at_all(text, language, found):
    assert path(Expression(text, language)) == found


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("$..[?(@heartRate)]", "JsonPath", ""),
        ("$", "JsonPath", ""),
        ("to_array(@)[?heartrate]", "JmesPath", ""),
        ("$.samples[*]", "JsonPath", "samples"),
        ("$.Body.samples[?(@.hr)]", "JsonPath", "samples"),
        ("samples[?hr]", "JmesPath", "samples"),
        ("$.a..b", "JsonPath", None),
    ],
)
def test_the_list_of_the_readings_is_found_where_the_match_names_it(text, language, found):
    assert readings(Expression(text, language)) == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "t.json is not JSON"),
        ("[]", "t.json is no template of iomt-fhir"),
        ('{"templateType": "CollectionContent"}', "t.json has a `template` that is no list"),
        ('{"templateType": "CodeValueFhir", "template": 1}', "CodeValueFhir whose `template` is no object"),
        ('{"templateType": "JsonPathContent", "template": {"values": []}}', "without `typeMatchExpression`"),
        (json.dumps(content(values=(("", "$.x"),))), "a value without `valueName`"),
        (
            '{"templateType": "CollectionContent", "template": []}',
            "neither device content nor a FHIR mapping",
        ),
    ],
)
def test_what_is_no_template_is_refused_by_its_file(text, complaint):
    with pytest.raises(InvalidTemplate, match=complaint):
        imported_type("band", [("t.json", text)])


def test_a_name_with_a_line_break_or_a_keyword_of_yaml_cannot_break_out_of_its_place():
    code = [loinc("8867-4", "Heart rate")]
    made = imported([], [coded(code, "/min", "null"), coded([], "x", "a\n  b: {metric: evil}", "t")])

    assert '"null":' in made.text
    assert "\n  b:" not in made.text
