"""A search from its parameters to the Bundle."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from fhir_server.errors import Forbidden, InvalidSearch
from fhir_server.json import dumps, parse
from fhir_server.search import match
from fhir_server.search.index import index
from fhir_server.search.params import token
from fhir_server.search.plan import Limits
from fhir_server.search.searchset import Asking, search
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING, NOTHING, Predicate
from terminology.service import NoTerminologyService
from tests.integration.search.conftest import showing

DEVICE_QUERY = (
    ("patient", "p1"),
    ("code", "http://loinc.org|8867-4"),
    ("date", "ge2026-01-01"),
    ("_sort", "-date"),
)


async def pages(find, type, *pairs, **changes):
    """The ids of all pages, by following the next links."""
    found = await find(type, *pairs, **changes)
    every = [found.ids]
    while found.next:
        found = await find(type, *found.next, **changes)
        every.append(found.ids)
    return every


async def test_the_device_query_gives_a_patients_newest_readings_first(store, find, observation):
    await store(
        *(observation(f"h{n}", effectiveDateTime=f"2026-01-0{n}T10:00:00Z") for n in range(1, 6)),
        observation("old", effectiveDateTime="2025-12-31T23:59:59Z"),
        observation("other", subject={"reference": "Patient/p2"}),
        observation("spo2", code={"coding": [{"system": "http://loinc.org", "code": "59408-5"}]}),
    )

    assert (await find("Observation", *DEVICE_QUERY)).ids == ["h5", "h4", "h3", "h2", "h1"]


async def test_a_resource_with_several_codings_is_found_by_each(store, find, observation):
    codings = [{"system": "http://loinc.org", "code": code} for code in ("2708-6", "59408-5")]
    await store(observation("spo2", code={"coding": codings}))

    for code in ("2708-6", "59408-5", "2708-6,59408-5"):
        assert (await find("Observation", ("patient", "p1"), ("code", code))).ids == ["spo2"]


async def test_a_search_without_criteria_gives_every_resource_of_the_type(store, find, observation):
    await store(observation("b"), observation("a"), {"resourceType": "Patient", "id": "p1"})

    assert (await find("Observation")).ids == ["a", "b"]


async def test_an_empty_result_has_no_entry_and_no_total(find):
    found = await find("Observation", *DEVICE_QUERY)

    assert found.bundle == {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [
            {
                "relation": "self",
                "url": "http://fhir.test/fhir/Observation?patient=p1&code=http://loinc.org%7C8867-4&date=ge2026-01-01&_sort=-date",
            }
        ],
    }


async def test_an_entry_has_its_address_and_says_that_it_matched(store, find, observation):
    await store(observation("o1"))

    entry = (await find("Observation")).bundle["entry"][0]

    assert entry["fullUrl"] == "http://fhir.test/fhir/Observation/o1"
    assert entry["search"] == {"mode": "match"}


async def test_a_stored_decimal_keeps_its_digits(database, store, observation):
    await store(observation("o1"))
    asking = Asking(
        "t", datetime.now(UTC), "http://x", "strict", Limits(50, 50), b"k" * 32, NoTerminologyService()
    )
    async with database.connection() as connection:
        body = (await search(connection, "Observation", (), showing(EVERYTHING), asking)).body

    assert b'"value": 72.0,' in body


async def test_what_the_caller_may_not_see_is_neither_found_nor_counted(store, find, observation):
    await store(observation("mine"), observation("theirs"))
    walked, token, total, subject = (
        DEVICE_QUERY,
        ("status", "final"),
        ("_total", "accurate"),
        ("subject", "p1"),
    )

    for access, visible in [(NOTHING, []), (Predicate("r.id = %s", ("mine",)), ["mine"])]:
        for pairs in [(), walked, (token,), (total,), (subject,)]:
            found = await find("Observation", *pairs, access=access)
            assert found.ids == visible, pairs
            assert found.bundle.get("total", len(visible)) == len(visible)


async def test_nothing_is_matched_for_a_condition_that_access_hides(database, store, observation):
    await store(observation("theirs"))

    async with database.connection() as connection:
        assert await match.matches(
            connection, [match.asked("Observation", "_id=theirs", showing(NOTHING))]
        ) == [[]]
        (found,) = await match.matches(
            connection, [match.asked("Observation", "_id=theirs", showing(EVERYTHING))]
        )
        assert [each.id for each in found] == ["theirs"]


async def test_paging_neither_loses_nor_repeats_where_keys_are_equal_or_missing(store, find, observation):
    dates = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02", None, "2025", None, "2026-01-02"]
    resources = []
    for n in range(21):
        about = {"reference": f"Patient/p{1 + n % 2}"}
        resource = observation(f"o{n:02}", effectiveDateTime=dates[n % 7], subject=about)
        if dates[n % 7] is None:
            del resource["effectiveDateTime"]
            del resource["valueQuantity"]
        resources.append(resource)
    await store(*resources)

    for criteria, matches in [
        ((), 21),
        ((("patient", "p1"),), 11),
        ((("patient", "p1,p2"), ("code", "8867-4")), 21),
        ((("patient", "p1,p2"), ("date", "ge2025-07-01")), 15),
    ]:
        for sort in ("-date", "date", "_id", "-_id", "_lastUpdated", "-_lastUpdated", "value-quantity"):
            whole = await find("Observation", *criteria, ("_sort", sort))
            every = await pages(find, "Observation", *criteria, ("_sort", sort), ("_count", "4"))
            flat = [id for page in every for id in page]
            assert flat == whole.ids, (criteria, sort)
            assert len(set(flat)) == len(flat) == matches
            assert [len(page) for page in every[:-1]] == [4] * (len(every) - 1)


async def test_missing_values_come_last_in_both_directions(store, find, observation):
    without = observation("none")
    del without["effectiveDateTime"]
    await store(without, observation("dated"))

    for pairs in [(("patient", "p1"),), ()]:
        for sort in ("date", "-date"):
            assert (await find("Observation", *pairs, ("_sort", sort))).ids == ["dated", "none"]


async def test_readings_that_arrive_while_paging_neither_shift_nor_repeat_the_rest(store, find, observation):
    await store(*(observation(f"h{n}", effectiveDateTime=f"2026-01-0{n}T10:00:00Z") for n in range(1, 8)))
    first = await find("Observation", *DEVICE_QUERY, ("_count", "3"))
    await asyncio.gather(
        *(store(observation(f"new{n}", effectiveDateTime=f"2026-02-0{n}T10:00:00Z")) for n in range(1, 6))
    )

    second = await find("Observation", *first.next)
    third = await find("Observation", *second.next)

    assert first.ids + second.ids + third.ids == [f"h{n}" for n in range(7, 0, -1)]
    assert third.next == ()


async def test_the_next_link_of_a_long_search_is_short_enough_to_be_followed(store, find, observation):
    await store(observation("a"), observation("b"))
    ids = ",".join(["a", "b", *(str(uuid.UUID(int=n**9 % 2**128)) for n in range(2, 450))])

    first = await find("Observation", ("_id", ids), ("_count", "1"))

    assert len(first.link("next") or "") < 16_000
    assert (await find("Observation", *first.next)).ids == ["b"]


async def test_the_next_link_shows_no_value_that_was_asked_for(store, find, observation):
    await store(observation("a"), observation("b"))

    found = await find("Observation", *DEVICE_QUERY, ("_count", "1"))

    assert found.link("next").startswith("http://fhir.test/fhir/Observation?_cursor=")
    assert not any(secret in found.link("next") for secret in ("patient", "8867-4", "2026-01"))


async def test_a_cursor_is_its_callers_alone_and_cannot_be_changed(store, find, observation):
    await store(observation("a"), observation("b"))
    cursor = (await find("Observation", ("_count", "1"))).next[0]

    for pairs, changes in [
        ([cursor], {"cursor_key": b"x" * 32}),
        ([("_cursor", cursor[1][:-2] + "AA")], {}),
        ([("_cursor", "")], {}),
        ([("_cursor", "é")], {}),
        ([cursor, ("status", "final")], {}),
        ([cursor, cursor], {}),
    ]:
        with pytest.raises(InvalidSearch, match="_cursor"):
            await find("Observation", *pairs, **changes)
    with pytest.raises(InvalidSearch, match="_cursor"):
        await find("Patient", cursor)
    with pytest.raises(Forbidden, match="another caller"):
        await find("Observation", cursor, caller="another")


async def test_a_hit_by_a_colliding_hash_is_no_hit_and_the_page_is_filled_up(
    database, store, find, observation
):
    for n in range(1, 9):
        tree = parse(dumps(observation(f"false{n}", status="preliminary")))
        index_row = index("Observation", tree)
        colliding = token.asked_token("Observation.status", token.Asked(None, "final"))
        values = {name: getattr(index_row, name) for name in index_row.__slots__}
        drafted = type(index_row)(**(values | {"tokens": (*index_row.tokens, colliding)}))
        async with database.transaction() as work:
            await work.create(Draft("Observation", f"false{n}", tree, drafted, "PUT"))
    await store(*(observation(f"true{n}") for n in range(1, 4)))

    assert await pages(find, "Observation", ("status", "final"), ("_count", "2")) == [
        ["true1", "true2"],
        ["true3"],
    ]
    assert (await find("Observation", ("status", "final"), ("_total", "accurate"))).bundle["total"] == 3
    async with database.connection() as connection:
        (found,) = await match.matches(
            connection, [match.asked("Observation", "status=final", showing(EVERYTHING))]
        )
        assert len(found) == 2


async def test_the_total_is_told_when_asked_and_never_otherwise(store, find, observation):
    await store(*(observation(f"o{n}") for n in range(5)))

    assert "total" not in (await find("Observation")).bundle
    assert (await find("Observation", ("_total", "accurate"), ("_count", "2"))).bundle["total"] == 5
    for pair in (("_count", "0"), ("_summary", "count")):
        found = await find("Observation", pair)
        assert (found.bundle["total"], found.ids) == (5, [])


async def test_a_count_beyond_the_limit_is_cut_and_the_self_link_says_so(find):
    found = await find("Observation", ("_count", "5000"))

    assert found.link("self") == "http://fhir.test/fhir/Observation?_count=1000"


@pytest.mark.parametrize(
    ("pair", "named"),
    [
        (("foo", "x"), "foo"),
        (("_filter", "x"), "_filter"),
    ],
)
async def test_a_parameter_that_is_not_served_is_refused_or_passed_over_aloud(
    store, find, observation, pair, named
):
    await store(observation("o1"))

    with pytest.raises(InvalidSearch, match=named):
        await find("Observation", pair)
    found = await find("Observation", pair, ("status", "final"), handling="lenient")

    outcome = found.bundle["entry"][-1]
    assert outcome["search"] == {"mode": "outcome"}
    assert named in outcome["resource"]["issue"][0]["diagnostics"]
    assert found.link("self") == "http://fhir.test/fhir/Observation?status=final"


async def test_a_deleted_resource_is_not_found(database, store, find, observation):
    await store(observation("o1"))
    async with database.transaction() as work:
        await work.delete(await work.lock("Observation", "o1"))

    assert (await find("Observation")).ids == []
    assert (await find("Observation", ("_id", "o1"))).ids == []
    assert (await find("Observation", ("status:not", "final"))).ids == []


async def test_results_can_be_thinned_out(store, find, observation):
    await store(observation("o1", note=[{"text": "n"}], text={"status": "empty", "div": "<div/>"}))

    resource = (await find("Observation", ("_elements", "value"))).bundle["entry"][0]["resource"]

    assert set(resource) == {"resourceType", "id", "meta", "status", "code", "valueQuantity"}
    assert resource["meta"]["tag"][-1]["code"] == "SUBSETTED"
    assert "note" not in (await find("Observation", ("_summary", "true"))).bundle["entry"][0]["resource"]
    assert "text" not in (await find("Observation", ("_summary", "data"))).bundle["entry"][0]["resource"]
