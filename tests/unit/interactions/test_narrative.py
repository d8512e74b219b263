import pytest

from fhir_server.errors import Unprocessable
from fhir_server.interactions.narrative import without_stale_narrative


def _patient(status, **content):
    return {"resourceType": "Patient", "text": {"status": status, "div": "…"}, "meta": {}, **content}


@pytest.mark.parametrize("status", ["generated", "extensions"])
def test_a_narrative_made_of_elements_goes_when_they_change(status):
    kept = without_stale_narrative("Patient", _patient(status), _patient(status, active=True))
    assert kept == {"resourceType": "Patient", "meta": {}, "active": True}


def test_a_narrative_that_says_more_than_the_elements_is_not_thrown_away():
    with pytest.raises(Unprocessable) as raised:
        without_stale_narrative("Patient", _patient("additional"), _patient("additional", active=True))
    assert raised.value.issues[0].expression == "Patient.text"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_patient("generated", active=True), _patient("generated", active=True)),
        (_patient("additional"), _patient("additional") | {"meta": {"tag": [{"code": "t"}]}}),
        (_patient("empty"), _patient("empty", active=True)),
        ({"resourceType": "Patient"}, {"resourceType": "Patient", "active": True}),
    ],
)
def test_a_narrative_stays_where_nothing_that_it_tells_has_changed(before, after):
    assert without_stale_narrative("Patient", before, after) == after
