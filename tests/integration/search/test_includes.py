"""What stands beside the matches of a page."""

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.plan import Limits
from fhir_server.store.predicate import EVERYTHING, NOTHING, Predicate
from tests.integration.search.conftest import BASE, showing
from tests.integration.search.test_chains import WARD, resource, to


@pytest.fixture
async def ward(store):
    await store(*WARD)


INCLUDED = [
    ("Observation?_id=hr1&_include=Observation:patient", ["hr1"], {"Patient/p1"}),
    ("Observation?_id=hr1,w1&_include=Observation:subject", ["hr1", "w1"], {"Patient/p1"}),
    ("Observation?_id=room&_include=Observation:subject:Patient", ["room"], set()),
    ("Observation?_id=room&_include=Observation:subject:Location", ["room"], {"Location/l1"}),
    ("Observation?_id=hr2&_include=Observation:patient", ["hr2"], {"Patient/p2"}),
    ("Observation?_id=elsewhere&_include=Observation:*", ["elsewhere"], set()),
    ("Observation?_id=hr1&_include=*", ["hr1"], {"Patient/p1", "Device/d1"}),
    ("Observation?_id=hr1&_include=Observation:*", ["hr1"], {"Patient/p1", "Device/d1"}),
    ("Observation?_id=hr1&_include=Observation:patient&_include=Observation:device", ["hr1"], {"Patient/p1", "Device/d1"}),
    (
        "Observation?_id=hr1&_include=Observation:patient&_include:iterate=Patient:organization",
        ["hr1"],
        {"Patient/p1", "Organization/south"},
    ),
    (
        "Observation?_id=hr1&_include=Observation:patient&_include:iterate=Patient:organization&_include:iterate=Organization:partof",
        ["hr1"],
        {"Patient/p1", "Organization/south", "Organization/north"},
    ),
    ("Organization?_id=south&_include=Organization:partof", ["south"], {"Organization/north"}),
    ("Organization?_id=south,north&_include:iterate=Organization:partof", ["north", "south"], set()),
    ("Observation?_id=hr1&_revinclude=Provenance:target", ["hr1"], {"Provenance/pv1"}),
    ("Observation?_id=w1&_revinclude=Provenance:target", ["w1"], {"Provenance/pv1"}),
    ("Observation?_id=hr2&_revinclude=Provenance:target:Observation", ["hr2"], {"Provenance/pv2"}),
    ("Observation?_id=hr2&_revinclude=Provenance:*", ["hr2"], {"Provenance/pv2"}),
    ("Patient?_id=p2&_revinclude=Observation:patient", ["p2"], {"Observation/hr2"}),
    ("Patient?_id=p2&_revinclude=*", ["p2"], {"Observation/hr2", "Group/g1", "List/42"}),
    (
        "Patient?_id=p2&_revinclude=Observation:patient&_revinclude:iterate=Provenance:target&_include:iterate=Provenance:agent",
        ["p2"],
        {"Observation/hr2", "Provenance/pv2", "Device/d1"},
    ),
    ("Device?_id=d2&_revinclude=Observation:device", ["d2"], {"Observation/hr2"}),
    ("QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire&_sort=_id", ["qr1", "qr2"], {"Questionnaire/q1"}),
    ("Questionnaire?_revinclude=QuestionnaireResponse:questionnaire", ["q1"], {"QuestionnaireResponse/qr1"}),
    ("*?_type=Patient,Device&_id=p1,d1&_sort=_id&_revinclude=Observation:subject", ["d1", "p1"], {"Observation/hr1", "Observation/w1"}),
    ("Observation?_id=nobody&_include=Observation:patient", [], set()),
    ("Observation?_id=hr1&_include=Observation:patient&_count=0", [], set()),
]  # fmt: skip


async def test_what_is_referred_to_or_refers_stands_beside_the_matches(ward, ask):
    for asked, ids, included in INCLUDED:
        found = await ask(asked)

        assert (found.ids, found.included) == (ids, included), asked


async def test_an_included_resource_is_whole_and_says_why_it_is_there(ward, ask):
    entry = (await ask("Observation?_id=hr1&_include=Observation:patient")).bundle["entry"][1]

    assert entry["fullUrl"] == f"{BASE}/Patient/p1"
    assert entry["search"] == {"mode": "include"}
    assert entry["resource"]["name"] == [{"family": "Chalmers"}]


async def test_a_canonical_includes_the_version_that_it_names_and_else_every_one(store, ask):
    await store(
        resource("Questionnaire", "v1", status="active", url="http://q/many", version="1"),
        resource("Questionnaire", "v2", status="active", url="http://q/many", version="2"),
        resource("QuestionnaireResponse", "of2", status="completed", questionnaire="http://q/many|2"),
        resource("QuestionnaireResponse", "any", status="completed", questionnaire="http://q/many"),
    )
    asked = "_include=QuestionnaireResponse:questionnaire"

    assert (await ask(f"QuestionnaireResponse?_id=of2&{asked}")).included == {"Questionnaire/v2"}
    assert (await ask(f"QuestionnaireResponse?_id=any&{asked}")).included == {
        "Questionnaire/v1",
        "Questionnaire/v2",
    }


async def test_a_match_is_not_included_again(store, ask):
    await store(
        resource("Organization", "a", partOf=to("Organization/b")),
        resource("Organization", "b", partOf=to("Organization/a")),
    )

    assert (await ask("Organization?_include=Organization:partof")).included == set()
    one = await ask("Organization?_id=a&_include:iterate=Organization:partof&_revinclude=Organization:partof")
    assert (one.ids, one.included) == (["a"], {"Organization/b"})


async def test_a_version_that_is_named_is_the_one_included(database, store, ask):
    await store(
        resource("Device", "d1", manufacturer="First"),
        resource(
            "Observation", "then", status="final", code={"text": "x"}, device=to("Device/d1/_history/1")
        ),
        resource("Observation", "now", status="final", code={"text": "x"}, device=to("Device/d1")),
        resource(
            "Observation", "never", status="final", code={"text": "x"}, device=to("Device/d1/_history/9")
        ),
    )
    async with database.transaction() as work:
        await work.delete(await work.lock("Device", "d1"))
    assert (await ask("Observation?_include=Observation:device")).included == set()
    await rewrite(database, resource("Device", "d1", manufacturer="Third"))

    then = (await ask("Observation?_id=then&_include=Observation:device")).bundle["entry"]
    now = (await ask("Observation?_id=now&_include=Observation:device")).bundle["entry"]
    assert [entry["resource"].get("manufacturer") for entry in (*then, *now)] == [
        None,
        "First",
        None,
        "Third",
    ]
    assert (await ask("Observation?_id=never&_include=Observation:device")).included == set()


async def rewrite(database, tree):
    from fhir_server.json import dumps, parse
    from fhir_server.search.index import index
    from fhir_server.store.drafts import Draft

    parsed = parse(dumps(tree))
    type = parsed["resourceType"]
    async with database.transaction() as work:
        current = await work.lock(type, parsed["id"])
        await work.update(Draft(type, parsed["id"], parsed, index(type, parsed), "PUT"), current)


@pytest.mark.parametrize("hidden", [None, NOTHING, Predicate("r.id = %s", ("p2",))], ids=str)
async def test_what_the_caller_may_not_read_is_left_out_as_if_it_were_not_there(ward, ask, hidden):
    access = showing(EVERYTHING, Patient=hidden)
    found = await ask(
        "Observation?_id=hr1&_include=Observation:patient&_include=Observation:device", access=access
    )
    over = await ask(
        "Observation?_id=hr1&_include=Observation:patient&_include:iterate=Patient:organization",
        access=access,
    )

    assert (found.ids, found.included) == (["hr1"], {"Device/d1"})
    assert over.included == set()


@pytest.mark.parametrize("hidden", [None, NOTHING], ids=str)
async def test_referrers_that_the_caller_may_not_read_are_left_out(ward, ask, hidden):
    access = showing(EVERYTHING, Provenance=hidden)

    assert (await ask("Observation?_id=hr1&_revinclude=Provenance:target", access=access)).included == set()
    assert (await ask("Observation?_id=hr1&_revinclude=*", access=access)).included == set()
    versioned = showing(EVERYTHING, Device=hidden)
    assert (await ask("Observation?_id=hr2&_include=Observation:device", access=versioned)).included == set()
    canonical = showing(EVERYTHING, Questionnaire=hidden)
    asked = "QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire"
    assert (await ask(asked, access=canonical)).included == set()


async def test_a_page_counts_matches_and_includes_what_they_refer_to(store, ask, observation):
    patients = [resource("Patient", f"p{n}") for n in range(4)]
    await store(*patients, *(observation(f"o{n}", subject=to(f"Patient/p{n}")) for n in range(4)))

    found = await ask("Observation?_include=Observation:patient&_count=3&_total=accurate&_sort=_id")
    rest = await ask("Observation", *found.next)

    assert (found.ids, found.included, found.bundle["total"]) == (["o0", "o1", "o2"], {"Patient/p0", "Patient/p1", "Patient/p2"}, 4)  # fmt: skip
    assert (rest.ids, rest.included) == (["o3"], {"Patient/p3"})
    assert found.link("self") == (
        f"{BASE}/Observation?_include=Observation:patient&_count=3&_total=accurate&_sort=_id"
    )


async def test_more_than_may_be_included_is_refused_as_too_costly(store, ask, observation):
    await store(resource("Patient", "p1"), *(observation(f"o{n}") for n in range(4)))
    few = Limits(50, 50, max_include=3)

    assert len((await ask("Patient?_revinclude=Observation:patient")).included) == 4
    with pytest.raises(InvalidSearch, match="_revinclude leads to more than 3") as refused:
        await ask("Patient?_revinclude=Observation:patient", limits=few)
    assert (refused.value.issues[0].code, refused.value.issues[0].expression) == ("too-costly", "_revinclude")


async def test_a_summary_is_of_all_and_elements_are_of_the_matches(ward, ask):
    summary = (await ask("Observation?_id=hr1&_include=Observation:patient&_summary=true")).bundle["entry"]
    elements = (await ask("Observation?_id=hr1&_include=Observation:patient&_elements=status")).bundle[
        "entry"
    ]

    assert [bool(entry["resource"]["meta"].get("tag")) for entry in summary] == [True, True]
    assert [bool(entry["resource"]["meta"].get("tag")) for entry in elements] == [True, False]
    with pytest.raises(InvalidSearch, match="_include and _summary=text"):
        await ask("Observation?_id=hr1&_include=Observation:patient&_summary=text")


REFUSED = [
    (
        "Observation?_include=Observation:colour",
        "there is no such search parameter. Observation refers by",
    ),
    ("Observation?_include=Observation:status", "Observation.status is a token and refers to nothing"),
    ("Observation?_include=Nothing:patient", "'Nothing' is no resource type"),
    ("Observation?_include=Observation:subject:Organization", "never refers to a Organization"),
    ("Observation?_include=Observation:subject:Nothing", "'Nothing' is no resource type"),
    ("Observation?_include=Patient:organization", "Write _include:iterate"),
    ("Observation?_revinclude=Encounter:patient", "Encounter does not refer to Observation by it"),
    ("Observation?_include:recurse=Observation:patient", "no modifier :recurse"),
    ("Observation?_include=patient", "is written `Type:parameter`"),
    ("Observation?_include=", "is written `Type:parameter`"),
    ("Observation?_include=Observation:patient:Patient:x", "is written `Type:parameter`"),
]  # fmt: skip


async def test_an_include_that_leads_nowhere_is_refused_with_the_reason(ask):
    for asked, told in REFUSED:
        with pytest.raises(InvalidSearch, match=told) as refused:
            await ask(asked)
        assert refused.value.issues[0].expression in {"_include", "_revinclude"}


async def test_a_lenient_search_passes_over_an_include_that_there_is_not(ward, ask):
    found = await ask(
        "Observation?_id=hr1&_include=Observation:colour&_include=Observation:patient", handling="lenient"
    )

    assert found.included == {"Patient/p1"}
    assert found.link("self") == f"{BASE}/Observation?_id=hr1&_include=Observation:patient"
