import pytest


@pytest.fixture
async def observations(client, fhir):
    for number in range(5):
        tree = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": f"2026-01-0{number + 1}T10:00:00Z",
            "valueQuantity": {"value": 70 + number, "system": "http://unitsofmeasure.org", "code": "/min"},
        }
        assert (await client.post("/fhir/Observation", **fhir(tree))).status_code == 201


QUERY = "patient=p1&code=http://loinc.org|8867-4&date=ge2026-01-02&_sort=-date"


async def test_a_search_finds_newest_first(client, observations):
    answer = await client.get(f"/fhir/Observation?{QUERY}&_count=50")
    bundle = answer.json()
    assert answer.status_code == 200
    assert [entry["resource"]["valueQuantity"]["value"] for entry in bundle["entry"]] == [74, 73, 72, 71]
    assert bundle["link"][0]["url"].startswith("http://server.example/fhir/Observation?")


async def test_a_search_by_form_pages_by_plain_links_without_values(client, observations):
    page = (
        await client.post(
            "/fhir/Observation/_search", data={"patient": "p1", "_count": "2", "_sort": "-date"}
        )
    ).json()
    found = [entry["resource"]["id"] for entry in page["entry"]]
    links = {link["relation"]: link["url"] for link in page["link"]}
    assert links["next"].partition("?")[2].startswith("_cursor=")
    assert "&" not in links["next"]
    while "next" in links:
        page = (await client.get(links["next"])).json()
        found += [entry["resource"]["id"] for entry in page["entry"]]
        links = {link["relation"]: link["url"] for link in page["link"]}
    assert len(found) == len(set(found)) == 5


async def test_a_form_and_its_address_are_one_query(client, observations):
    answer = await client.post("/fhir/Observation/_search?patient=p1", data={"date": "2026-01-03"})
    assert len(answer.json()["entry"]) == 1


async def test_an_unknown_parameter_is_refused_unless_lenient(client, observations):
    strict = await client.get("/fhir/Observation?nonsense=1")
    assert strict.status_code == 400
    assert strict.json()["issue"][0]["expression"] == ["nonsense"]
    lenient = await client.get("/fhir/Observation?nonsense=1", headers={"Prefer": "handling=lenient"})
    assert lenient.status_code == 200
    assert [entry["search"]["mode"] for entry in lenient.json()["entry"]] == ["match"] * 5 + ["outcome"]


async def test_a_form_of_another_media_type_is_refused(client):
    answer = await client.post(
        "/fhir/Observation/_search", content=b"{}", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 415


async def test_nothing_found_has_no_entry(client):
    bundle = (await client.get("/fhir/Observation?patient=nobody")).json()
    assert "entry" not in bundle


@pytest.mark.parametrize("reference", ["Patient/p1", "http://server.example/fhir/Patient/p1"])
async def test_a_reference_by_this_servers_own_address_is_a_relative_one(client, fhir, reference):
    tree = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": reference},
    }
    await client.post("/fhir/Observation", **fhir(tree))
    for asked in ("p1", "Patient/p1", "http://server.example/fhir/Patient/p1"):
        bundle = (await client.get("/fhir/Observation", params={"subject": asked})).json()
        assert len(bundle.get("entry", [])) == 1, asked
