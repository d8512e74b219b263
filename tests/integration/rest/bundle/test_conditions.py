"""Conditional entries and conditional references.

https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio

import pytest

from tests.integration.rest.bundle.content import entry, identified, observation, patch, patient, urn


def statuses(entries):
    return [each["response"]["status"] for each in entries]


async def test_a_conditional_create_makes_what_is_not_there_and_links_to_what_is(put, transact, count):
    await put(patient("known", id="k"))

    found, made, one, other = await transact(
        entry("POST", "Patient", patient("known"), urn(1), ifNoneExist=identified("known")),
        entry("POST", "Patient", patient("new"), urn(2), ifNoneExist=f"Patient?{identified('new')}"),
        entry("POST", "Observation", observation(urn(1))),
        entry("POST", "Observation", observation(urn(2))),
    )

    assert statuses([found, made]) == ["200", "201"]
    assert found["resource"]["id"] == "k"
    assert found["response"]["location"].endswith("/Patient/k/_history/1")
    assert one["resource"]["subject"]["reference"] == "Patient/k"
    assert other["resource"]["subject"]["reference"] == f"Patient/{made['resource']['id']}"
    assert await count("Patient") == 2


async def test_a_conditional_update_changes_the_match_or_makes_one(put, transact, read):
    await put(patient("known", id="k"))

    changed, made, named = await transact(
        entry("PUT", f"Patient?{identified('known')}", patient("known", active=True), urn(1)),
        entry("PUT", f"Patient?{identified('new')}", patient("new")),
        entry("PUT", f"Patient?{identified('named')}", patient("named", id="n")),
    )

    assert statuses([changed, made, named]) == ["200", "201", "201"]
    assert (await read("Patient/k"))["active"] is True
    assert made["resource"]["id"]
    assert named["resource"]["id"] == "n"


async def test_a_conditional_delete_ends_the_match_or_nothing(put, transact, read):
    await put(patient("known", id="k"))

    entries = await transact(
        entry("DELETE", f"Patient?{identified('known')}"), entry("DELETE", f"Patient?{identified('none')}")
    )

    assert statuses(entries) == ["204", "204"]
    assert await read("Patient/k") == 410


async def test_a_conditional_patch_changes_the_match(put, transact, refused, read):
    await put(patient("known", id="k"))
    operation = patch({"op": "add", "path": "/active", "value": True})

    entries = await transact(entry("PATCH", f"Patient?{identified('known')}", operation))
    status, _ = await refused(entry("PATCH", f"Patient?{identified('none')}", operation))

    assert statuses(entries) == ["200"]
    assert (await read("Patient/k"))["active"] is True
    assert status == 404


@pytest.mark.parametrize(
    "make",
    [
        lambda query: entry("POST", "Patient", patient("two"), ifNoneExist=query),
        lambda query: entry("PUT", f"Patient?{query}", patient("two")),
        lambda query: entry("DELETE", f"Patient?{query}"),
        lambda query: entry("POST", "Observation", observation(f"Patient?{query}")),
    ],
)
async def test_several_matches_fail_the_transaction(put, refused, make):
    await put(patient("two", id="a"))
    await put(patient("two", id="b"))

    status, (issue,) = await refused(entry("POST", "Patient", patient()), make(identified("two")))

    assert (status, issue["code"]) == (412, "conflict")
    assert issue["expression"][0].startswith("Bundle.entry[1]")


async def test_no_condition_finds_what_the_same_transaction_deletes(put, transact):
    await put(patient("one", id="a"))
    await put(patient("one", id="b"))
    await put(patient("one", id="c"))

    _, _, found, made = await transact(
        entry("DELETE", "Patient/a"),
        entry("DELETE", "Patient/b"),
        entry("POST", "Patient", patient("one"), ifNoneExist=identified("one")),
        entry("POST", "Observation", observation(f"Patient?{identified('one')}")),
    )

    assert (found["response"]["status"], found["resource"]["id"]) == ("200", "c")
    assert made["resource"]["subject"]["reference"] == "Patient/c"


async def test_a_conditional_reference_finds_what_is_there_and_what_the_transaction_makes(put, transact):
    await put(patient("there", id="t"))
    await put(patient("old", id="u"))

    there, made, updated, person, _ = await transact(
        entry("POST", "Observation", observation(f"Patient?{identified('there')}")),
        entry("POST", "Observation", observation(f"Patient?{identified('made')}")),
        entry("POST", "Observation", observation("Patient?family=Renamed")),
        entry("POST", "Patient", patient("made")),
        entry("PUT", "Patient/u", patient("changed", id="u", name=[{"family": "Renamed"}])),
    )

    assert there["resource"]["subject"]["reference"] == "Patient/t"
    assert made["resource"]["subject"]["reference"] == f"Patient/{person['resource']['id']}"
    assert updated["resource"]["subject"]["reference"] == "Patient/u"


async def test_a_conditional_reference_does_not_find_what_no_longer_meets_it(put, refused):
    await put(patient("old", id="u"))

    status, (issue,) = await refused(
        entry("POST", "Observation", observation(f"Patient?{identified('old')}")),
        entry("PUT", "Patient/u", patient("changed", id="u")),
    )

    assert (status, issue["expression"]) == (412, ["Bundle.entry[0].resource.subject.reference"])
    assert "finds no resource" in issue["diagnostics"]


@pytest.mark.parametrize("query", ["Patient?nonsense=1", "Patient?", "Patient?_count=1"])
async def test_a_conditional_reference_that_cannot_be_asked_is_refused_by_its_place(refused, query):
    status, (issue,) = await refused(entry("POST", "Observation", observation(query)))
    assert (status, issue["expression"]) == (400, ["Bundle.entry[0].resource.subject.reference"])


@pytest.mark.parametrize(
    "entries",
    [
        [entry("PUT", "Patient/p", patient(id="p")), entry("DELETE", "Patient/p")],
        [entry("PUT", "Patient/p", patient(id="p")), entry("PUT", "Patient/p", patient(id="p", active=True))],
        [
            entry("PUT", "Patient/p", patient(id="p")),
            entry("PUT", f"Patient?{identified('k')}", patient("k")),
        ],
        [entry("DELETE", "Patient/p"), entry("DELETE", f"Patient?{identified('k')}")],
        [
            entry("POST", "Patient", patient("n"), ifNoneExist=identified("n")),
            entry("POST", "Patient", patient("n", active=True), ifNoneExist=identified("n")),
        ],
        [
            entry("PUT", f"Patient?{identified('n')}", patient("n")),
            entry("POST", "Patient", patient("n"), ifNoneExist=identified("n")),
        ],
    ],
)
async def test_a_resource_that_two_entries_change_is_refused_with_both_named(put, refused, entries):
    await put(patient("k", id="p"))

    status, issues = await refused(*entries)

    assert status == 400
    assert [issue["expression"][0][:15] for issue in issues] == ["Bundle.entry[0]", "Bundle.entry[1]"]
    assert all("Entries 0 and 1" in issue["diagnostics"] for issue in issues)


@pytest.mark.parametrize(
    "conditional",
    [
        entry("POST", "Patient", patient("n"), ifNoneExist=identified("n")),
        entry("PUT", f"Patient?{identified('n')}", patient("n")),
        entry("PUT", "Patient?family=Chalmers", patient("n")),
    ],
)
async def test_a_condition_that_names_what_another_entry_makes_is_refused(refused, conditional):
    status, (issue,) = await refused(conditional, entry("POST", "Patient", patient("n")))

    assert (status, issue["expression"]) == (400, ["Bundle.entry[0]"])
    assert "Entry 1 makes" in issue["diagnostics"]


async def test_an_id_that_is_not_the_matchs_is_refused(put, refused):
    await put(patient("k", id="k"))
    await put(patient("x", id="x"))

    other, _ = await refused(entry("PUT", f"Patient?{identified('k')}", patient("k", id="other")))
    taken, _ = await refused(entry("PUT", f"Patient?{identified('n')}", patient("n", id="x")))

    assert (other, taken) == (400, 412)


async def test_of_64_transactions_with_the_same_condition_one_makes_the_resource(send, count):
    async def once(number):
        answer = await send(
            "transaction",
            entry("POST", "Patient", patient("raced"), urn(1), ifNoneExist=identified("raced")),
            entry("POST", "Observation", observation(urn(1), valueInteger=number)),
        )
        return answer.status_code, answer.json()["entry"]

    answers = await asyncio.gather(*(once(number) for number in range(64)))

    assert {status for status, _ in answers} == {200}
    assert sorted(entries[0]["response"]["status"] for _, entries in answers) == ["200"] * 63 + ["201"]
    assert len({entries[1]["resource"]["subject"]["reference"] for _, entries in answers}) == 1
    assert await count("Patient") == 1
    assert await count("Observation") == 64
