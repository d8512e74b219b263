import asyncio
from datetime import datetime

import pytest


@pytest.fixture
async def versions(client, patient, fhir):
    """Five versions of p1, the last one its deletion, and one other resource."""
    for number in range(4):
        await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1", "active": bool(number % 2)}))
        await asyncio.sleep(0.002)
    await client.delete("/fhir/Patient/p1")
    await client.post("/fhir/Basic", **fhir({"resourceType": "Basic", "code": {"text": "x"}}))


def links(bundle):
    return {link["relation"]: link["url"] for link in bundle["link"]}


async def pages(client, url):
    bundles = []
    while url:
        bundles.append((await client.get(url)).json())
        url = links(bundles[-1]).get("next")
    return bundles


async def test_an_instance_history_is_newest_first_and_says_what_was_done(client, versions):
    bundle = (await client.get("/fhir/Patient/p1/_history")).json()
    assert bundle["type"] == "history"
    assert [entry["response"]["etag"] for entry in bundle["entry"]] == [f'W/"{n}"' for n in (5, 4, 3, 2, 1)]
    assert [entry["request"]["method"] for entry in bundle["entry"]] == ["DELETE", "PUT", "PUT", "PUT", "PUT"]
    assert [entry["response"]["status"] for entry in bundle["entry"]] == ["204", "200", "200", "200", "201"]
    assert "resource" not in bundle["entry"][0]
    assert bundle["entry"][1]["fullUrl"] == "http://server.example/fhir/Patient/p1"


@pytest.mark.parametrize(
    ("path", "total"),
    [("/fhir/Patient/p1/_history", 5), ("/fhir/Patient/_history", 5), ("/fhir/_history", 6)],
)
async def test_pages_neither_lose_nor_repeat(client, versions, path, total):
    found = [
        (entry["fullUrl"], entry["response"]["etag"])
        for bundle in await pages(client, f"{path}?_count=2")
        for entry in bundle.get("entry", [])
    ]
    assert len(found) == len(set(found)) == total


async def test_the_links_of_a_history_lead_back_to_what_was_asked(client, versions):
    asked = {"_since": "2020-01-01T00:00:00+02:00", "_format": "application/fhir+json", "_count": "2"}
    found = await pages(client, str(client.build_request("GET", "/fhir/Patient/_history", params=asked).url))
    assert [len(bundle["entry"]) for bundle in found] == [2, 2, 1]
    for bundle in found:
        self_link = (await client.get(links(bundle)["self"])).json()
        assert self_link["entry"] == bundle["entry"]


async def test_a_page_larger_than_the_server_allows_is_cut_and_its_links_say_so(client, versions):
    bundle = (await client.get("/fhir/_history?_count=99999")).json()

    assert links(bundle)["self"].endswith("/fhir/_history?_count=1000")


@pytest.mark.parametrize("path", ["/fhir/Patient/p1/_history", "/fhir/Patient/_history", "/fhir/_history"])
async def test_since_leaves_out_what_is_older(client, versions, path):
    whole = (await client.get(path)).json()["entry"]
    moment = whole[2]["response"]["lastModified"]
    since = (await client.get(path, params={"_since": moment})).json()["entry"]
    assert [entry["response"]["lastModified"] for entry in since] == [
        entry["response"]["lastModified"] for entry in whole if entry["response"]["lastModified"] >= moment
    ]


@pytest.mark.parametrize("path", ["/fhir/Patient/p1/_history", "/fhir/Patient/_history", "/fhir/_history"])
async def test_at_shows_the_version_that_was_current_then(client, versions, path):
    whole = (await client.get("/fhir/Patient/p1/_history")).json()["entry"]
    moment = whole[2]["response"]["lastModified"]
    found = (await client.get(path, params={"_at": moment})).json()["entry"]
    assert [entry["response"]["etag"] for entry in found] == ['W/"3"']
    year = (await client.get(path, params={"_at": str(datetime.fromisoformat(moment).year)})).json()["entry"]
    assert len(year) >= 5


@pytest.mark.parametrize("path", ["/fhir/Patient/p1/_history", "/fhir/Patient/_history", "/fhir/_history"])
async def test_what_was_made_anew_says_201_as_its_write_did(client, versions, patient, fhir, path):
    back = await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    changed = await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1"}))
    deleted = await client.delete("/fhir/Patient/p1")
    told = [entry["response"]["status"] for entry in (await client.get(f"{path}?_count=3")).json()["entry"]]
    assert told == [str(answer.status_code) for answer in (deleted, changed, back)] == ["204", "200", "201"]


@pytest.mark.parametrize("path", ["/fhir/Patient/p1/_history", "/fhir/Patient/_history", "/fhir/_history"])
async def test_a_deletion_is_an_entry_without_a_resource(client, versions, path):
    entries = (await client.get(path)).json()["entry"]
    (deletion,) = [entry for entry in entries if "resource" not in entry]
    assert deletion["request"] == {"method": "DELETE", "url": "Patient/p1"}
    assert deletion["fullUrl"] == "http://server.example/fhir/Patient/p1"


@pytest.mark.parametrize("path", ["/fhir/Patient/p1/_history", "/fhir/Patient/_history", "/fhir/_history"])
async def test_a_page_may_be_asked_for_without_entries(client, versions, path):
    bundle = (await client.get(f"{path}?_count=0")).json()
    assert "entry" not in bundle
    assert list(links(bundle)) == ["self"]
    assert (await client.get("/fhir/Patient/nobody/_history?_count=0")).status_code == 404


async def test_since_and_at_hold_together(client, versions):
    whole = (await client.get("/fhir/Patient/p1/_history")).json()["entry"]
    moments = [entry["response"]["lastModified"] for entry in whole]
    both = {"_since": moments[2], "_at": moments[1]}
    found = (await client.get("/fhir/Patient/p1/_history", params=both)).json()["entry"]
    assert [entry["response"]["etag"] for entry in found] == [whole[1]["response"]["etag"]]
    none = (await client.get("/fhir/Patient/p1/_history", params={"_at": "2000"})).json()
    assert "entry" not in none


@pytest.mark.parametrize(
    "query",
    [
        "_since=2026&_since=2027",
        "_at=2026&_at=2026",
        "_count=1&_count=2",
        "_since=",
        "_at=2026-02-30",
        "_count=1.0",
        "_since=yesterday",
        "_at=noon",
        "_count=many",
        "_count=-1",
        "_before=x",
        "foo=1",
    ],
)
async def test_a_window_that_cannot_be_read_is_refused_by_name(client, versions, query):
    answer = await client.get(f"/fhir/_history?{query}")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == [query.partition("=")[0]]


async def test_the_history_of_what_never_was_is_not_found(client):
    assert (await client.get("/fhir/Patient/nobody/_history")).status_code == 404


async def test_an_empty_history_has_no_entry(client):
    bundle = (await client.get("/fhir/Patient/_history")).json()
    assert "entry" not in bundle
