from urllib.parse import parse_qsl

import pytest

from fhir_server.app import create_app
from fhir_server.validation.structure import check
from smart_auth.principal import Principal

REF = "reference"


def observation(id, patient, day=None, **more):
    dated = {} if day is None else {"effectiveDateTime": f"2026-01-{day:02}T10:00:00Z"}
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"text": "x"},
        "subject": {REF: f"Patient/{patient}"},
        **dated,
        **more,
    }


RECORD = [
    {"resourceType": "Organization", "id": "maker", "name": "Maker"},
    {"resourceType": "Organization", "id": "clinic", "name": "Clinic"},
    {"resourceType": "Organization", "id": "unrelated", "name": "Other"},
    {"resourceType": "Device", "id": "cuff", "owner": {REF: "Organization/maker"}},
    {"resourceType": "Device", "id": "worn", "patient": {REF: "Patient/p"}},
    {"resourceType": "Device", "id": "worn-by-q", "patient": {REF: "Patient/q"}},
    {"resourceType": "Practitioner", "id": "doctor"},
    {"resourceType": "Patient", "id": "p", "managingOrganization": {REF: "Organization/clinic"}, "birthDate": "1950"},
    {"resourceType": "Patient", "id": "q", "link": [{"other": {REF: "Patient/p"}, "type": "seealso"}]},
    observation("o1", "p", 1, device={REF: "Device/cuff"}),
    observation("o2", "p", 2, performer=[{REF: "Practitioner/doctor"}]),
    observation("o3", "p", 3, device={REF: "Device/worn-by-q"}),
    observation("o0", "p"),
    observation("of-q", "q", 1, performer=[{REF: "Patient/p"}]),
    {"resourceType": "Condition", "id": "c", "subject": {REF: "Patient/p"}, "onsetDateTime": "2025-06-01"},
    {"resourceType": "Group", "id": "g", "type": "person", "actual": True,
     "member": [{"entity": {REF: "Patient/p"}}, {"entity": {REF: "Patient/q"}}]},
    {"resourceType": "Appointment", "id": "a", "status": "booked", "start": "2026-01-02T09:00:00Z",
     "end": "2026-01-02T09:30:00Z", "participant": [{"actor": {REF: "Patient/p"}, "status": "accepted"}]},
    {"resourceType": "Appointment", "id": "b", "status": "booked", "start": "2026-01-02T09:00:00Z",
     "end": "2026-01-02T09:30:00Z", "participant": [{"actor": {REF: "Patient/q"}, "status": "accepted"}]},
]  # fmt: skip

MATCHES = {"Patient/p", "Device/worn", "Observation/o0", "Observation/o1", "Observation/o2", "Observation/o3",
           "Condition/c", "Appointment/a"}  # fmt: skip
INCLUDED = {"Organization/clinic", "Organization/maker", "Device/cuff", "Practitioner/doctor"}


@pytest.fixture
async def record(stored):
    await stored(RECORD)


def keys(bundle, mode=None):
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", [])
        if mode in (None, entry["search"]["mode"])
    ]


async def everything(client, query="", path="Patient/p"):
    answer = await client.get(f"/fhir/{path}/$everything{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def following(client, page):
    links = {link["relation"]: link["url"] for link in page["link"]}
    if "next" not in links:
        return None
    assert links["next"].partition("?")[2].startswith("_cursor=")
    return (await client.get(links["next"])).json()


async def test_the_record_is_the_patient_what_is_about_them_and_what_that_refers_to(client, record):
    answer = await client.get("/fhir/Patient/p/$everything")
    bundle = answer.json()
    check("Bundle", answer.content)
    assert bundle["type"] == "searchset"
    assert set(keys(bundle, "match")) == MATCHES
    assert set(keys(bundle, "include")) == INCLUDED
    assert len(keys(bundle)) == len(MATCHES | INCLUDED)
    assert bundle["entry"][0]["fullUrl"] == "http://server.example/fhir/Patient/p"
    assert [link["relation"] for link in bundle["link"]] == ["self"]


async def test_the_link_to_itself_says_what_was_asked(client, record):
    query = "_since=2020-01-01T00:00:00Z&_type=Observation,Condition&_count=2"
    bundle = (await client.get(f"/fhir/Patient/p/$everything?{query}")).json()

    (link,) = [each for each in bundle["link"] if each["relation"] == "self"]
    address, _, asked = link["url"].partition("?")
    assert address == "http://server.example/fhir/Patient/p/$everything"
    assert sorted(parse_qsl(asked)) == sorted(parse_qsl(query))


async def test_pages_give_each_resource_of_the_record_once(client, record):
    for count in (1, 3, 7, 8):
        page, found = await everything(client, f"?_count={count}"), []
        while page:
            assert len(keys(page, "match")) <= count
            found += keys(page, "match")
            page = await following(client, page)
        assert sorted(found) == sorted(MATCHES), count


async def test_the_type_level_is_the_records_of_all_patients_one_after_the_other(client, record):
    page, found = await everything(client, "?_count=3", "Patient"), []
    while page:
        found += keys(page, "match")
        page = await following(client, page)
    others = {"Patient/q", "Observation/of-q", "Device/worn-by-q", "Appointment/b"}
    assert sorted(found) == sorted(MATCHES | others)
    assert found.index("Patient/p") < found.index("Patient/q")


async def test_types_narrow_what_is_given_included_ones_too(client, record):
    assert set(keys(await everything(client, "?_type=Observation"))) == {
        f"Observation/o{n}" for n in range(4)
    }
    both = await everything(client, "?_type=Condition,Organization&_type=Patient")
    assert set(keys(both)) == {"Condition/c", "Patient/p", "Organization/clinic"}


async def test_start_and_end_are_dates_of_care_and_keep_what_has_none(client, record):
    bundle = await everything(
        client, "?start=2026-01-02&end=2026-01-02&_type=Observation,Condition,Patient,Appointment"
    )
    assert set(keys(bundle)) == {"Patient/p", "Observation/o0", "Observation/o2", "Appointment/a"}


async def test_since_is_the_time_of_the_last_change(client, fhir, record):
    changed = observation("o1", "p", 1, device={REF: "Device/cuff"})
    last = (await client.put("/fhir/Observation/o1", **fhir(changed))).json()["meta"]["lastUpdated"]
    found = keys(await everything(client, f"?_since={last}"))
    assert found == ["Observation/o1"]


async def test_a_deleted_resource_is_not_given(client, record):
    await client.delete("/fhir/Observation/o2")
    assert "Observation/o2" not in keys(await everything(client))


async def test_many_of_one_day_are_paged_through_without_loss(client, stored, record):
    await stored(
        observation(f"same-{number}", "p", 5) if number % 2 else observation(f"same-{number}", "p")
        for number in range(12)
    )
    page, found = await everything(client, "?_count=5&_type=Observation"), []
    while page:
        found += keys(page)
        page = await following(client, page)
    assert len(found) == len(set(found)) == 16


def provenance(id, patient):
    return {"resourceType": "Provenance", "id": id, "recorded": "2026-01-01T00:00:00Z",
            "target": [{REF: f"Patient/{patient}"}], "agent": [{"who": {REF: "Device/cuff"}}]}  # fmt: skip


async def test_what_names_the_patient_is_paged_through_without_loss_close_together_or_far_apart(
    client, stored, record
):
    close = [provenance(f"close-{number}", "p") for number in range(9)]
    others = [provenance(f"other-{number}", "q") for number in range(60)]
    apart = [provenance(f"apart-{number}", "p") for number in range(5)]
    for some in (close, others, apart):
        await stored(some)
    page, found = await everything(client, "?_count=2&_type=Provenance"), []
    while page:
        found += keys(page)
        page = await following(client, page)
    assert found == [f"Provenance/{one['id']}" for one in (*close, *apart)]


async def test_parameters_may_be_posted(client, fhir, record):
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "_type", "valueCode": "Condition"}, {"name": "_count", "valueInteger": 5}]}  # fmt: skip
    answer = await client.post("/fhir/Patient/p/$everything", **fhir(body))
    assert keys(answer.json()) == ["Condition/c"]


async def test_bad_parameters_are_named(client, record):
    for query, named in [
        ("_type=Nonsense", "_type"), ("_count=0", "_count"), ("_count=x", "_count"), ("start=2026-13-01", "start"),
        ("start=2026-02-01&end=2026-01-01", "start"), ("_since=2026-01-01", "_since"), ("_cursor=AAAA", "_cursor"),
        ("nonsense=1", "nonsense"), ("_cursor=AAAA&_count=1", "_cursor"), ("start=2026&start=2027", "start"),
    ]:  # fmt: skip
        answer = await client.get(f"/fhir/Patient/p/$everything?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["issue"][0]["expression"] == [named]


async def test_a_patient_that_is_not_there_has_no_record(client, record):
    assert (await client.get("/fhir/Patient/nobody/$everything")).status_code == 404
    await client.delete("/fhir/Patient/p")
    assert (await client.get("/fhir/Patient/p/$everything")).status_code == 410


async def test_a_next_link_leads_into_no_other_record(client, record):
    page = await everything(client, "?_count=1")
    (link,) = [link["url"] for link in page["link"] if link["relation"] == "next"]
    answer = await client.get(link.replace("Patient/p", "Patient/q"))
    assert answer.status_code == 400


async def test_only_types_have_it_that_have_it(client):
    assert (await client.get("/fhir/Observation/1/$everything")).status_code == 404
    assert (await client.put("/fhir/Patient/1/$everything")).status_code == 405


async def test_only_types_that_were_granted_are_given(database_url, record):
    from tests.integration.rest.conftest import connected, settings

    class Few:
        async def authenticate(self, _):
            return Principal(
                "few", frozenset({"system/Patient.r", "system/Observation.rs", "system/Device.r"})
            )

    app = create_app(settings(database_url))
    (middleware,) = [one for one in app.user_middleware if "endpoint" in one.kwargs]
    object.__setattr__(middleware.kwargs["endpoint"]._house, "authenticator", Few())
    async with app.router.lifespan_context(app), connected(app) as client:
        found = keys(await everything(client))
        none = await client.get("/fhir/Patient/$everything")
    assert set(found) == {"Patient/p", "Device/worn", "Device/cuff", *(f"Observation/o{n}" for n in range(4))}
    assert none.status_code == 403
