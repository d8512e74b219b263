"""The statements of `$lastn`: a change shows in the files of `explained`, and is reviewed like code.

`python -m tests.unit.operations.test_explain` writes them anew.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhir_server.errors import InvalidRequest
from fhir_server.operations.explain import explain, is_lastn

AT = datetime(2026, 6, 1, tzinfo=UTC)
EXPLAINED = Path(__file__).with_name("explained")

URLS = {
    "lastn-of-a-category": "Observation/$lastn?patient=p1&category=vital-signs&max=3",
    "lastn-of-a-code": "http://fhir.test/fhir/Observation/$lastn?subject=Patient/p1&code=http://loinc.org|8867-4&date=ge2026",
    "lastn-of-a-device": "Observation/$lastn?subject=Device/d1&code=8867-4",
}


@pytest.mark.parametrize("name", URLS)
def test_a_call_is_explained_down_to_its_sql(name):
    assert is_lastn(URLS[name])
    assert explain(URLS[name], at=AT) + "\n" == (EXPLAINED / f"{name}.txt").read_text()


def test_what_could_not_be_called_is_not_explained():
    assert not is_lastn("Observation?code=8867-4")
    with pytest.raises(InvalidRequest):
        explain("Observation/$lastn?category=vital-signs")


if __name__ == "__main__":
    EXPLAINED.mkdir(exist_ok=True)
    for name, url in URLS.items():
        (EXPLAINED / f"{name}.txt").write_text(explain(url, at=AT) + "\n")
