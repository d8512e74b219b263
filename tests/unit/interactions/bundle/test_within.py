"""What conditions find in a Bundle: looked for without keeping others waiting, and not without end."""

import asyncio

import pytest

from fhir_server.errors import InvalidRequest
from fhir_server.interactions.bundle.within import Within
from fhir_server.interactions.write import prepare_tree
from fhir_server.search import match
from fhir_server.store.predicate import EVERYTHING

MANY = 1_000


def drafts(count):
    return [
        (
            number,
            prepare_tree(
                "Patient",
                {
                    "resourceType": "Patient",
                    "identifier": [{"system": "http://hospital.example/mrn", "value": str(number)}],
                    "name": [{"family": f"F{number}"}],
                },
                id=str(number),
                method="POST",
                base_url="",
            ),
        )
        for number in range(count)
    ]


def asked(query):
    return match.asked("Patient", query, lambda *_: EVERYTHING)


async def test_a_condition_finds_the_entries_that_meet_it_whatever_its_kind():
    by_name, by_identifier = asked("family:exact=F2"), asked("identifier=http://hospital.example/mrn|1")
    bundle = Within(drafts(4), [by_name, by_identifier])

    assert await bundle.meeting("Patient", by_name) == [2]
    assert await bundle.meeting("Patient", by_identifier) == [1]
    assert await bundle.meeting("Practitioner", by_name) == []


async def test_others_have_their_turn_while_many_resources_are_looked_at():
    condition = asked("family=nobody")
    bundle = Within(drafts(MANY), [condition])
    looking = asyncio.create_task(bundle.meeting("Patient", condition))
    turns = 0
    while not looking.done():
        await asyncio.sleep(0)
        turns += 1

    assert await looking == []
    assert turns >= 5


async def test_conditions_that_would_compare_too_much_are_refused():
    by_name, by_identifier = asked("family=nobody"), asked("identifier=http://hospital.example/mrn|1")
    bundle = Within(drafts(10), [by_name, by_identifier], most=20)
    await bundle.meeting("Patient", by_name)
    assert await bundle.meeting("Patient", by_identifier) == [1]

    with pytest.raises(InvalidRequest, match="by an identifier") as refused:
        await bundle.meeting("Patient", by_name)

    (issue,) = refused.value.issues
    assert (issue.code, issue.expression) == ("too-costly", "Bundle.entry")
