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


async def test_a_search_by_post_needs_no_form_where_the_address_says_it_all(client, observations):
    answer = await client.post("/fhir/Observation/_search?date=2026-01-03")
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


@pytest.fixture
async def record(client, fhir):
    """A patient with an Encounter, an Observation and its Provenance, and what belongs to another."""
    for tree in (
        {"resourceType": "Patient", "id": "p1", "name": [{"family": "Chalmers"}]},
        {"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"},
         "subject": {"reference": "Patient/p1"}},
        {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "x"},
         "subject": {"reference": "Patient/p1"}, "encounter": {"reference": "Encounter/e1"}},
        {"resourceType": "Observation", "id": "o2", "status": "final", "code": {"text": "x"},
         "subject": {"reference": "Patient/p2"}},
        {"resourceType": "Provenance", "id": "v1", "target": [{"reference": "Observation/o1"}],
         "recorded": "2026-01-01T00:00:00Z", "agent": [{"who": {"reference": "Patient/p1"}}]},
    ):  # fmt: skip
        answer = await client.put(f"/fhir/{tree['resourceType']}/{tree['id']}", **fhir(tree))
        assert answer.status_code == 201, answer.text


def entries(answer):
    assert answer.status_code == 200, answer.text
    found = answer.json().get("entry", [])
    return sorted((entry["fullUrl"].partition("/fhir/")[2], entry["search"]["mode"]) for entry in found)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SEARCHES = [
    ("Patient/p1/Observation", ["Observation/o1"]),
    ("Patient/p1/Observation?status=final", ["Observation/o1"]),
    ("Patient/p1/Observation?status=amended", []),
    ("Encounter/e1/*", ["Encounter/e1", "Observation/o1"]),
    ("Patient/p1/*?_type=Encounter,Observation", ["Encounter/e1", "Observation/o1"]),
    ("?_type=Encounter,Provenance", ["Encounter/e1", "Provenance/v1"]),
    ("/?_id=p1,o1", ["Observation/o1", "Patient/p1"]),
    ("Observation?patient.name=Chalmers", ["Observation/o1"]),
    ("Patient?_has:Observation:patient:encounter.status=finished", ["Patient/p1"]),
]


async def test_searches_reach_over_types_and_compartments_by_address_and_by_form(client, record):
    for asked, urls in SEARCHES:
        place, _, query = asked.partition("?")
        address = f"/fhir/{place}".rstrip("/")
        form = f"{address.removesuffix('/*')}/_search"
        wanted = [(url, "match") for url in urls]

        assert entries(await client.get(f"{address}?{query}")) == wanted, asked
        assert entries(await client.post(form, content=query, headers=FORM)) == wanted, asked
        assert (await client.head(f"{address}?{query}")).status_code == 200


async def test_includes_come_with_the_matches(client, record):
    asked = "/fhir/Observation?_id=o1&_include=Observation:encounter&_revinclude=Provenance:target"
    assert entries(await client.get(asked)) == [
        ("Encounter/e1", "include"),
        ("Observation/o1", "match"),
        ("Provenance/v1", "include"),
    ]


async def test_what_is_beyond_a_limit_of_the_operator_is_refused_with_its_name(serving, fhir):
    async with serving(max_include=1, max_chain=1) as client:
        for n in range(2):
            tree = {"resourceType": "Observation", "id": f"o{n}", "status": "final", "code": {"text": "x"},
                    "subject": {"reference": "Patient/p1"}}  # fmt: skip
            await client.put(f"/fhir/Observation/o{n}", **fhir(tree))
        await client.put("/fhir/Patient/p1", **fhir({"resourceType": "Patient", "id": "p1"}))
        costly = await client.get("/fhir/Patient?_revinclude=Observation:patient")
        long = await client.get("/fhir/Observation?patient.organization.name=x")
    assert costly.status_code == long.status_code == 400
    assert costly.json()["issue"][0] == {
        "severity": "error",
        "code": "too-costly",
        "diagnostics": "_revinclude leads to more than 1 resources beside the matches of this page. "
        "Include less, or ask for a smaller _count.",
        "expression": ["_revinclude"],
    }
    assert long.json()["issue"][0]["expression"] == ["patient.organization.name"]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("Medication/m1/Observation", 404, "There is no Medication compartment"),
        ("Patient/p1/Nothing", 404, "'Nothing' is not a resource type"),
        ("Patient/p1/Medication", 400, "Medication is in no Patient compartment"),
        ("Patient/p 1/Observation", 404, "is not an id"),
        ("Patient/p1/_search", 405, "Use POST"),
        ("_search", 405, "Use POST"),
        ("?_type=Nothing", 400, "_type=Nothing"),
    ],
)
async def test_an_address_that_is_no_search_is_refused_in_words(client, path, status, told):
    answer = await client.get(f"/fhir/{path}")
    assert answer.status_code == status
    assert told in answer.json()["issue"][0]["diagnostics"]


async def test_a_condition_may_be_a_chain(client, fhir, record):
    tree = {"resourceType": "Observation", "status": "final", "code": {"text": "y"},
            "subject": {"reference": "Patient/p1"}}  # fmt: skip
    found = fhir(tree)
    found["headers"]["If-None-Exist"] = "patient.name=Chalmers&encounter:Encounter.status=finished"
    again = await client.post("/fhir/Observation", **found)
    assert (again.status_code, again.json()["id"]) == (200, "o1")
