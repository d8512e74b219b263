"""The compiler's snapshots: a change of plan or SQL shows in the files of `explained`, and is reviewed like code.

`python -m tests.unit.search.test_explain` writes them anew.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.explain import explain

AT = datetime(2026, 6, 1, tzinfo=UTC)
EXPLAINED = Path(__file__).with_name("explained")

URLS = {
    "walked": "Observation?patient=p1&code=http://loinc.org|8867-4&date=ge2026-01-01&_sort=-date&_count=50",
    "plain": "http://fhir.test/fhir/Patient?name=Eve&identifier=urn:mrn|7&birthdate=lt2000&_count=0",
    "name": "Patient?name=Eve&_sort=family,-birthdate",
    "chain-over-the-patient": "Observation?patient.name=Eve&code=8867-4&_sort=-date",
    "chain-over-tokens": "Observation?device:Device.identifier=urn:udi|7",
    "chain-to-several-types": "Observation?subject.name=Eve",
    "chain-of-three": "Observation?patient.organization.partof.name=North",
    "chain-by-canonical": "QuestionnaireResponse?questionnaire.title=Falls",
    "has-by-the-patient": "Patient?_has:Observation:patient:code=8867-4",
    "has-by-reference": "http://fhir.test/fhir/Device?_has:Observation:device:status=final",
    "has-of-has": "Patient?_has:Observation:patient:_has:Provenance:target:agent=Device/d1",
    "list": "Patient?_list=42",
    "include": "Observation?patient=p1&_include=Observation:patient&_include:iterate=Patient:organization",
    "revinclude": "Observation?_id=o1&_revinclude=Provenance:target",
    "everything-included": "Patient?_id=p1&_include=*&_revinclude=*",
    "compartment": "Patient/p1/Observation?status=final",
    "whole-compartment": "Encounter/e1/*?_tag=red",
    "system": "?_type=Patient,Observation&_lastUpdated=ge2026",
    "quantity": "Observation?value-quantity=5.4|http://unitsofmeasure.org|mmol/L,5||mg",
    "composite-in-a-row": "Observation?component-code-value-quantity=8480-6$gt140|http://unitsofmeasure.org|mm[Hg]",
    "composite-of-parts": "DiagnosticReport?result.code-value-quantity=http://loinc.org|2823-3$gt5.4",
    "composite-as-a-pair": "Group?characteristic-value=gender$mixed&characteristic-value:missing=false",
    "text": "Observation?patient=p1&code:text=heart",
    "not-of-type": "Patient?identifier:of-type=urn:types|MR|7&gender:not=male",
    "path": "ValueSet?url:below=http://x/fhir&url:above=http://x/fhir/a/b",
    "system-by-token": "http://fhir.test/fhir?_type=Patient,Observation&_tag=red&_total=estimate",
}


@pytest.mark.parametrize("name", URLS)
def test_a_url_is_explained_down_to_its_sql(name):
    assert explain(URLS[name], at=AT) + "\n" == (EXPLAINED / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    "url",
    [
        "Nothing?x=y",
        "Observation?colour=red",
        "Observation?date=x",
        "Medication/m1/Observation",
        "?colour=red",
    ],
)
def test_what_could_not_be_searched_is_not_explained(url):
    with pytest.raises(InvalidSearch):
        explain(url)


def test_a_code_without_a_patient_walks_the_index_of_its_sets_of_codings():
    told = explain("Observation?code=8867-4&_sort=-date", at=AT)

    assert "CROSS JOIN LATERAL" in told
    assert "r.code_set = c.code_set" in told
    assert "patient_key" not in told


if __name__ == "__main__":
    for file, url in URLS.items():
        (EXPLAINED / f"{file}.txt").write_text(explain(url, at=AT) + "\n")
