"""Searches of one compartment, and of all types."""

import pytest

from fhir_server.errors import Forbidden, InvalidSearch
from fhir_server.search.parse import Compartment
from fhir_server.store.predicate import EVERYTHING, NOTHING, Predicate
from tests.integration.search.conftest import BASE, showing
from tests.integration.search.test_chains import HEART_RATE, resource, to

RECORD = (
    resource("Patient", "p1", meta={"tag": [{"code": "red"}]}),
    resource("Patient", "p2", link=[{"other": to("Patient/p1"), "type": "seealso"}]),
    resource("Practitioner", "dr"),
    resource("Encounter", "e1", status="finished", **{"class": {"code": "AMB"}}, subject=to("Patient/p1")),
    resource("Observation", "about", status="final", code=HEART_RATE, subject=to("Patient/p1"), encounter=to("Encounter/e1")),
    resource("Observation", "by", status="final", code=HEART_RATE, subject=to("Patient/p2"), performer=[to("Patient/p1")]),
    resource("Observation", "other", status="final", code=HEART_RATE, subject=to("Patient/p2"), performer=[to("Practitioner/dr")]),
    resource("Observation", "device", status="final", code=HEART_RATE, device=to("Device/d1"), meta={"tag": [{"code": "red"}]}),
    resource("Condition", "c1", subject=to("Patient/p1"), asserter=to("Practitioner/dr")),
    resource("Medication", "m1"),
)  # fmt: skip


@pytest.fixture
async def record(store):
    await store(*RECORD)


FOUND = [
    ("Patient/p1/Observation", {"about", "by"}),
    ("Patient/p1/Observation?status=final&_sort=-date", {"about", "by"}),
    ("Patient/p1/Observation?code=8867-4&subject=Patient/p2", {"by"}),
    ("Patient/p1/Condition", {"c1"}),
    ("Patient/p1/Patient", {"p1", "p2"}),
    ("Patient/p1/*", {"p1", "p2", "e1", "about", "by", "c1"}),
    ("Patient/p1/*?_type=Observation,Condition", {"about", "by", "c1"}),
    ("Patient/p1/*?_tag=red", {"p1"}),
    ("Patient/nobody/*", set()),
    ("Encounter/e1/Observation", {"about"}),
    ("Encounter/e1/*", {"about", "e1"}),
    ("Practitioner/dr/Observation", {"other"}),
    ("Practitioner/dr/*", {"other", "c1", "dr"}),
    ("Device/d1/*", {"device"}),
    ("RelatedPerson/r1/*", set()),
    ("*", {"p1", "p2", "dr", "e1", "about", "by", "other", "device", "c1", "m1"}),
    ("*?_type=Medication", {"m1"}),
    ("*?_type=Observation,Condition&patient=p1", {"about", "c1"}),
    ("*?_type=Observation,Condition&patient._id=p1", {"about", "c1"}),
    ("*?_id=p1,m1", {"p1", "m1"}),
    ("*?_tag=red", {"p1", "device"}),
    ("*?_lastUpdated=gt2020&_type=Patient", {"p1", "p2"}),
    ("*?_lastUpdated=lt2020", set()),
]  # fmt: skip


DELETED = (("Observation", "about"), ("Condition", "c1"), ("Medication", "m1"))


async def test_several_types_are_searched_at_once(record, ask):
    for asked, ids in FOUND:
        found = await ask(asked)
        counted = await ask(f"{asked}{'&' if '?' in asked else '?'}_summary=count")

        assert sorted(found.ids) == sorted(ids), asked
        assert counted.bundle["total"] == len(ids), asked


async def test_what_is_deleted_is_found_in_none_of_them(database, record, ask):
    for type, id in DELETED:
        async with database.transaction() as work:
            await work.delete(await work.lock(type, id))

    for asked, ids in FOUND:
        found = await ask(asked)
        counted = await ask(f"{asked}{'&' if '?' in asked else '?'}_summary=count")
        left = sorted(ids - {id for _, id in DELETED})

        assert sorted(found.ids) == left, asked
        assert counted.bundle["total"] == len(left), asked


async def test_pages_over_several_types_lose_and_repeat_nothing(store, ask):
    await store(
        *(resource("Observation", f"x{n}", status="final", code=HEART_RATE, subject=to("Patient/p1")) for n in range(5)),
        *(resource("Condition", f"x{n}", subject=to("Patient/p1")) for n in range(5)),
        *(resource("Flag", f"x{n}", status="active", code={"text": "x"}, subject=to("Patient/p1")) for n in range(3)),
    )  # fmt: skip
    for place in ("*", "Patient/p1/*"):
        for sort in ("", "&_sort=_id", "&_sort=-_id", "&_sort=_lastUpdated", "&_sort=-_lastUpdated"):
            urls = await pages(ask, f"{place}?_count=4{sort}")
            flat = [url for page in urls for url in page]
            ids = [url.rpartition("/")[2] for url in flat]

            assert [len(page) for page in urls] == [4, 4, 4, 1], sort
            assert len(set(flat)) == len(flat) == 13, sort
            if sort.endswith("_id"):
                assert ids == sorted(ids, reverse="-" in sort)


async def test_a_patients_compartment_is_paged_newest_first_whoever_measured(store, ask, observation):
    at = [to("Patient/p1")]
    await store(
        *(observation(f"s{n}", effectiveDateTime=f"2026-01-{2 * n + 1:02}") for n in range(4)),
        *(
            observation(
                f"m{n}", effectiveDateTime=f"2026-01-{2 * n + 2:02}", subject=to("Patient/p2"), performer=at
            )
            for n in range(4)
        ),
        observation("both", effectiveDateTime="2026-01-20", performer=at),
        resource(
            "Observation", "undated", status="final", code=HEART_RATE, subject=to("Device/d1"), performer=at
        ),
        observation("none", subject=to("Patient/p2")),
    )
    newest = ["both", "m3", "s3", "m2", "s2", "m1", "s1", "m0", "s0", "undated"]

    for sort in ("", "&_sort=-date"):
        urls = await pages(ask, f"Patient/p1/Observation?_count=3{sort}")
        assert [url.rpartition("/")[2] for page in urls for url in page] == newest


async def pages(ask, asked):
    """The addresses on all pages, by following the next links."""
    place, found = asked.partition("?")[0], await ask(asked)
    urls = [[entry["fullUrl"] for entry in found.bundle["entry"]]]
    while found.next:
        at = "" if place == "*" else f"/{place}"
        assert found.link("next").startswith(f"{BASE}{at}?_cursor=")
        found = await ask(place, *found.next)
        urls.append([entry["fullUrl"] for entry in found.bundle["entry"]])
    return urls


REFUSED = [
    ("Patient/p1/Medication", "Medication is in no Patient compartment"),
    ("Patient/p1/*?_type=Medication", "_type=Medication is not in a Patient compartment"),
    ("*?_type=Nothing", "_type=Nothing is not a resource type"),
    ("*?_type=", "_type= is not a resource type"),
    ("Patient?_type=Patient", "_type goes with a search of all types"),
    ("*?_type=Observation,Medication&patient=p1", "Medication has no search parameter patient"),
    ("*?code=8867-4", "has no search parameter code"),
    ("*?_sort=date", "sorted by _id or _lastUpdated"),
    ("Patient?_contained=true", "_contained=true is not served"),
    ("Patient?_containedType=contained", "contained resources are not searched"),
    ("Patient?_filter=name eq x", "no filter expressions"),
    ("Patient?_text=x", "narratives are not indexed"),
    ("Patient?_content=x", "whole resources are not indexed"),
    ("Patient?_query=x", "no named queries"),
]  # fmt: skip


async def test_what_cannot_be_searched_so_is_refused_with_the_reason(ask):
    for asked, told in REFUSED:
        with pytest.raises(InvalidSearch, match=told):
            await ask(asked)


async def test_contained_resources_left_alone_is_what_is_always_done(record, ask):
    assert (await ask("Patient?_contained=false&_id=p1")).ids == ["p1"]


async def test_a_caller_finds_only_what_they_may_search_in_all_types(record, ask):
    two = showing(NOTHING, Patient=EVERYTHING, Observation=Predicate("r.id = %s", ("by",)), Condition=None)

    assert set((await ask("*", access=two)).ids) == {"p1", "p2", "by"}
    assert set((await ask("Patient/p1/*", access=two)).ids) == {"p1", "p2", "by"}
    assert (await ask("*?_summary=count", access=two)).bundle["total"] == 3
    with pytest.raises(Forbidden, match="Condition"):
        await ask("*?_type=Condition", access=two)
    with pytest.raises(Forbidden, match="Condition"):
        await ask("Patient/p1/Condition", access=two)

    def nothing(type, interaction):
        raise Forbidden(f"{interaction} of {type}")

    with pytest.raises(Forbidden):
        await ask("*", access=nothing)


async def test_a_cursor_is_of_its_own_compartment(store, ask, find):
    await store(*(resource("Condition", f"c{n}", subject=to("Patient/p1")) for n in range(3)))
    found = await ask("Patient/p1/Condition?_count=2")

    for place in (Compartment("Patient", "p2"), None):
        with pytest.raises(InvalidSearch, match="_cursor"):
            await find("Condition", *found.next, compartment=place)
    assert (await find("Condition", *found.next, compartment=Compartment("Patient", "p1"))).ids
