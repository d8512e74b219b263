"""What surrounds a measurement, and values that sum up others, as Observations."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mappers.circumstances import Circumstances
from mappers.mapped import Mapped, MappingContext, Rejected
from mappers.observation import map_reading
from mappers.profile import device_profile
from mappers.reading import Reading
from mappers.times import device_time

PHONE = device_profile("phone")
CONTEXT = MappingContext("p1", "d1", PHONE, b"k" * 32)
RECEIVED = datetime(2026, 1, 31, 12, tzinfo=UTC)


def reading(**fields):
    return Reading("phone-1", "phone", device_time("2026-01-31T08:00:00Z"), RECEIVED, fields)


def mapped(sent):
    result = map_reading(sent, CONTEXT)
    assert isinstance(result, Mapped), result
    return result.resources


def test_circumstances_go_where_r4_has_an_element_and_the_rest_into_notes():
    said = Circumstances("left wrist", "sitting", "capillary blood", self_reported=True, notes=("fasting",))
    (resource,) = mapped(replace(reading(capillaryGlucose=95), circumstances=said))

    assert resource["bodySite"] == {"text": "left wrist"}
    assert resource["specimen"] == {"display": "capillary blood"}
    assert resource["performer"] == [{"reference": "Patient/p1"}]
    assert resource["note"] == [{"text": "fasting"}]
    (extension,) = resource["extension"]
    assert extension["url"] == "http://hl7.org/fhir/StructureDefinition/observation-bodyPosition"
    assert extension["valueCodeableConcept"] == {"text": "sitting"}


def test_what_was_sensed_has_no_performer():
    (resource,) = mapped(replace(reading(heartRate=60), circumstances=Circumstances()))

    assert {"performer", "note", "bodySite", "specimen", "extension"}.isdisjoint(resource)


def test_a_mean_is_never_a_plain_value():
    (resource,) = mapped(replace(reading(heartRate=60), statistic="average", duration=timedelta(hours=1)))

    assert "valueQuantity" not in resource
    assert "meta" not in resource
    assert resource["code"]["coding"][0]["code"] == "8867-4"
    assert resource["category"][0]["coding"][0]["code"] == "vital-signs"
    (component,) = resource["component"]
    assert component["code"]["coding"] == [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-statistics",
            "code": "average",
            "display": "Average",
        }
    ]
    assert component["valueQuantity"]["value"] == 60


def test_summaries_of_pressures_stand_alone_under_their_own_codes():
    resources = mapped(replace(reading(systolic=160, diastolic=60), statistic="maximum"))

    assert [each["code"]["coding"][0]["code"] for each in resources] == ["8480-6", "8462-4"]
    assert {each["category"][0]["coding"][0]["code"] for each in resources} == {"vital-signs"}


def test_a_value_and_each_of_its_statistics_are_different_observations():
    plain = reading(heartRate=60)
    sent = [plain, *(replace(plain, statistic=each) for each in ("average", "median", "minimum", "maximum"))]

    assert len({mapped(each)[0]["id"] for each in sent}) == 5
    assert len({mapped(each)[0]["identifier"][0]["value"] for each in sent}) == 5


def test_what_the_source_revised_is_issued_when_it_did():
    (resource,) = mapped(replace(reading(heartRate=60), revised=datetime(2026, 1, 31, 9, tzinfo=UTC)))

    assert resource["issued"] == "2026-01-31T09:00:00.000Z"


def test_a_revision_from_the_future_is_refused_since_nothing_could_correct_it():
    result = map_reading(replace(reading(heartRate=60), revised=RECEIVED + timedelta(minutes=6)), CONTEXT)

    assert isinstance(result, Rejected)
    assert [issue.element for issue in result.issues] == ["revised"]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("bloodGlucose", "2339-0"),
        ("capillaryGlucose", "41653-7"),
        ("interstitialGlucose", "99504-3"),
        ("serumPlasmaGlucose", "glucose-serum-plasma"),
        ("calories", "41981-2"),
        ("activeCalories", "calories-active"),
    ],
)
def test_what_is_not_the_same_has_not_the_same_code(field, code):
    (resource,) = mapped(reading(**{field: 95}))

    assert resource["code"]["coding"][0]["code"] == code


def test_small_calories_become_large_ones():
    sent = replace(reading(activeCalories=350_000), units={"activeCalories": "cal"})

    assert mapped(sent)[0]["valueQuantity"]["value"] == 350
