import pytest


@pytest.fixture
def client(shared_client):
    return shared_client


@pytest.fixture
async def stored(client, patient, fhir):
    answer = await client.post("/fhir/Patient", **fhir(patient))
    return answer.json()["id"]


async def test_a_read_gives_the_current_version_with_its_etag_and_time(client, stored):
    answer = await client.get(f"/fhir/Patient/{stored}")
    assert answer.status_code == 200
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["last-modified"].endswith("GMT")
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert answer.json()["name"] == [{"family": "Chalmers"}]
    assert answer.json()["meta"]["versionId"] == "1"


async def test_a_client_may_keep_an_answer_and_asks_before_it_shows_it_again(client, stored):
    asked = [{}, {"If-None-Match": 'W/"1"'}]
    answers = [await client.get(f"/fhir/Patient/{stored}", headers=headers) for headers in asked]
    assert [answer.status_code for answer in answers] == [200, 304]
    assert {answer.headers["cache-control"] for answer in answers} == {"private, no-cache"}


async def test_head_is_get_without_the_body(client, stored):
    get, head = await client.get(f"/fhir/Patient/{stored}"), await client.head(f"/fhir/Patient/{stored}")
    assert head.status_code == 200
    assert head.content == b""
    for name in ("etag", "last-modified", "content-length", "content-type"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": 'W/"1"'}, 304),
        ({"If-None-Match": '"1"'}, 304),
        ({"If-None-Match": 'W/"7", W/"1"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": 'W/"2"'}, 200),
        ({"If-None-Match": "nonsense"}, 200),
        ({"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 304),
        ({"If-Modified-Since": "Fri, 01 Jan 2010 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-None-Match": 'W/"2"', "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200),
    ],
)
async def test_a_client_that_has_the_version_is_told_so(client, stored, headers, status):
    answer = await client.get(f"/fhir/Patient/{stored}", headers=headers)
    assert answer.status_code == status
    assert answer.headers["etag"] == 'W/"1"'
    assert (answer.content == b"") == (status == 304)


async def test_a_version_is_read_by_its_number(client, stored, patient, fhir):
    await client.put(f"/fhir/Patient/{stored}", **fhir(patient | {"id": stored, "active": False}))
    first = await client.get(f"/fhir/Patient/{stored}/_history/1")
    second = await client.get(f"/fhir/Patient/{stored}/_history/2")
    assert (first.json()["active"], second.json()["active"]) == (True, False)
    assert (first.headers["etag"], second.headers["etag"]) == ('W/"1"', 'W/"2"')


@pytest.mark.parametrize("version", ["0", "2", "99999999999999999999", "x", "-1", "1.0"])
async def test_an_unknown_version_is_not_found(client, stored, version):
    answer = await client.get(f"/fhir/Patient/{stored}/_history/{version}")
    assert answer.status_code == 404
    assert answer.json()["issue"][0]["code"] == "not-found"


async def test_a_deleted_resource_is_gone_and_its_versions_stay(client, stored):
    await client.delete(f"/fhir/Patient/{stored}")
    gone = await client.get(f"/fhir/Patient/{stored}")
    assert (gone.status_code, gone.headers["etag"]) == (410, 'W/"2"')
    assert gone.json()["issue"][0]["code"] == "deleted"
    assert (await client.get(f"/fhir/Patient/{stored}/_history/1")).status_code == 200
    assert (await client.get(f"/fhir/Patient/{stored}/_history/2")).status_code == 410


async def test_what_never_was_is_not_found(client):
    answer = await client.get("/fhir/Patient/nobody")
    assert answer.status_code == 404
    assert answer.json()["issue"][0]["code"] == "not-found"


async def test_elements_and_summary_thin_a_resource_out_and_say_so(client, stored):
    elements = (await client.get(f"/fhir/Patient/{stored}?_elements=active")).json()
    assert set(elements) == {"resourceType", "id", "meta", "active"}
    assert elements["meta"]["tag"][0]["code"] == "SUBSETTED"
    text = (await client.get(f"/fhir/Patient/{stored}?_summary=text")).json()
    assert "name" not in text


@pytest.mark.parametrize(
    "query", ["_summary=maybe", "_summary=count", "_elements=nonsense", "_pretty=maybe", "foo=1"]
)
async def test_a_parameter_that_read_does_not_know_is_refused_by_name(client, stored, query):
    answer = await client.get(f"/fhir/Patient/{stored}?{query}")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == [query.partition("=")[0]]


async def test_leniency_passes_over_an_unknown_parameter(client, stored):
    answer = await client.get(f"/fhir/Patient/{stored}?foo=1", headers={"Prefer": "handling=lenient"})
    assert answer.status_code == 200


async def test_pretty_is_indented_and_equal(client, stored):
    plain, pretty = (
        await client.get(f"/fhir/Patient/{stored}"),
        await client.get(f"/fhir/Patient/{stored}?_pretty=true"),
    )
    assert b"\n  " in pretty.content
    assert pretty.json() == plain.json()
