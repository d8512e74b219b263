"""What the standard's tables say is found, asked of the database."""

from tests.data.search_cases import CASES

NEEDED = {
    "Observation": {"status": "final", "code": {"text": "c"}},
    "Composition": {"status": "final"},
    "ValueSet": {"status": "draft"},
    "DocumentReference": {"status": "current"},
    "QuestionnaireResponse": {"status": "completed"},
}


async def test_the_database_finds_what_the_specification_says_it_does(store, find):
    await store(*({**NEEDED.get(one.type, {}), **one.resource, "id": f"c{n}"} for n, one in enumerate(CASES)))

    wrong = [
        f"{case.name}={case.value}: {case.cell}"
        for number, case in enumerate(CASES)
        if (f"c{number}" in (await find(case.type, (case.name, case.value))).ids) is not case.found
    ]
    assert wrong == []
