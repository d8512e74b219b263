"""The Bundle that docs/api.md shows does what the page says."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[4] / "docs" / "api.md"
FHIR = {"Content-Type": "application/fhir+json"}


async def test_the_transaction_of_the_documentation_makes_a_patient_once(client):
    (shown,) = re.findall(r"<<'BUNDLE'\n(.*?)\n +BUNDLE\n", PAGE.read_text(), re.DOTALL)

    answers = [await client.post("/fhir", content=shown, headers=FHIR) for _ in range(2)]

    statuses = [[each["response"]["status"] for each in answer.json()["entry"]] for answer in answers]
    assert statuses == [["201", "201"], ["200", "201"]]
