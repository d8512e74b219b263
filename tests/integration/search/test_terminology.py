"""Searches by what codes mean: with a terminology service, with one that fails, and without one."""

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search import terminology
from fhir_server.store.predicate import EVERYTHING, NOTHING
from terminology.errors import TerminologyUnavailable
from terminology.service import Coding, NoTerminologyService
from tests.integration.search.conftest import showing

VITALS, NOBODY = "http://vs/vitals", "http://vs/none"
RATE, RHYTHM = Coding("http://loinc.org", "8867-4"), Coding("http://loinc.org", "8884-9")


class Service(NoTerminologyService):
    """Knows two value sets and one code below another; counts what it is asked."""

    def __init__(self, expansions: dict[str, tuple[Coding, ...]] | None = None) -> None:
        self.asked: list[str] = []
        self._expansions = expansions or {VITALS: (RATE, Coding("http://a", "x")), NOBODY: ()}

    async def expand(self, value_set: str) -> tuple[Coding, ...]:
        self.asked.append(value_set)
        if value_set not in self._expansions:
            raise TerminologyUnavailable(f"There is no value set {value_set} here.")
        return self._expansions[value_set]

    async def below(self, coding: Coding) -> tuple[Coding, ...]:
        return (coding, RATE)


@pytest.fixture
async def wards(store, observation):
    """A heart rate, a rhythm, and one without a coding."""
    await store(
        observation("rate"),
        observation("rhythm", code={"coding": [{"system": RHYTHM.system, "code": RHYTHM.code}]}),
        observation("words", code={"text": "pulse"}),
        {"resourceType": "Patient", "id": "p1"},
    )


@pytest.mark.parametrize(
    ("criterion", "found"),
    [
        (("code:in", VITALS), ["rate"]),
        (("code:in", NOBODY), []),
        (("code:in", f"{NOBODY},{VITALS}"), ["rate"]),
        (("code:not-in", VITALS), ["rhythm", "words"]),
        (("code:not-in", NOBODY), ["rate", "rhythm", "words"]),
        (("code:below", f"{RHYTHM.system}|{RHYTHM.code}"), ["rate", "rhythm"]),
        (("combo-code:not-in", VITALS), ["rhythm", "words"]),
    ],
)
async def test_codes_are_found_by_the_value_set_or_hierarchy_they_are_in(wards, find, criterion, found):
    page = await find("Observation", criterion, ("_total", "accurate"), terminology=Service())

    assert (sorted(page.ids), page.bundle["total"]) == (found, len(found))


async def test_a_value_set_is_asked_for_along_chains_and_only_once(wards, find):
    service = Service()

    found = await find(
        "Patient",
        ("_has:Observation:patient:code:in", VITALS),
        ("_has:Observation:subject:code:in", VITALS),
        terminology=service,
    )

    assert (found.ids, service.asked) == (["p1"], [VITALS])


@pytest.mark.parametrize("name", ["ValueSet/mine", "http://fhir.test/fhir/ValueSet/mine"])
async def test_a_value_set_of_this_server_is_named_by_its_id(wards, store, find, name):
    await store({"resourceType": "ValueSet", "id": "mine", "status": "active", "url": VITALS})

    assert (await find("Observation", ("code:in", name), terminology=Service())).ids == ["rate"]


@pytest.mark.parametrize("modifier", ["in", "not-in"])
@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("ValueSet/gone", "not-found", "There is no value set ValueSet/gone that has a URL"),
        ("ValueSet/nameless", "not-found", "that has a URL"),
        ("http://vs/unknown", "not-supported", "There is no value set http://vs/unknown here"),
        ("http://vs/all", "too-costly", "stands for 10001 codes. Ask for at most 10000"),
    ],
)
async def test_without_an_answer_there_is_no_search(wards, store, find, modifier, name, code, told):
    await store({"resourceType": "ValueSet", "id": "nameless", "status": "active"})
    every = tuple(Coding("http://a", str(n)) for n in range(terminology.MOST_CODINGS + 1))

    with pytest.raises(InvalidSearch) as refused:
        await find("Observation", (f"code:{modifier}", name), terminology=Service({"http://vs/all": every}))

    assert (refused.value.issues[0].code, refused.value.issues[0].expression) == (code, f"code:{modifier}")
    assert told in str(refused.value)


async def test_a_value_set_that_the_caller_may_not_see_is_as_if_it_were_not_there(wards, store, find):
    await store({"resourceType": "ValueSet", "id": "hidden", "status": "active", "url": VITALS})

    with pytest.raises(InvalidSearch, match="There is no value set ValueSet/hidden"):
        await find(
            "Observation",
            ("code:in", "ValueSet/hidden"),
            access=showing(EVERYTHING, ValueSet=NOTHING),
            terminology=Service(),
        )


@pytest.mark.parametrize(
    ("criterion", "told"),
    [
        (("code:in", "http://vs/x"), "what http://vs/x contains"),
        (("category:not-in", "http://vs/x"), "what http://vs/x contains"),
        (("code:below", "http://a|x"), r"what is below http://a\|x"),
        (("status:above", "final"), r"what is above http://hl7.org/fhir/observation-status\|final"),
    ],
)
async def test_a_server_without_a_terminology_service_says_so(find, criterion, told):
    with pytest.raises(InvalidSearch, match=told) as refused:
        await find("Observation", criterion)

    assert refused.value.issues[0].code == "not-supported"


async def test_a_large_value_set_is_looked_for_as_a_whole(wards, find):
    many = (RATE, *(Coding("http://a", str(n)) for n in range(terminology.MOST_CODINGS - 1)))

    page = await find(
        "Observation", ("code:in", "http://vs/large"), terminology=Service({"http://vs/large": many})
    )

    assert page.ids == ["rate"]
