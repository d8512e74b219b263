import gzip
import json

import pytest

FHIR_JSON = "application/fhir+json"


@pytest.fixture
def client(shared_client):
    return shared_client


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, FHIR_JSON),
        ("*/*", FHIR_JSON),
        ("", FHIR_JSON),
        (FHIR_JSON, FHIR_JSON),
        ("application/fhir+json; fhirVersion=4.0", FHIR_JSON),
        ("application/json", "application/json"),
        ("text/json", "text/json"),
        ("application/*", FHIR_JSON),
        ("application/fhir+xml, application/json;q=0.5", "application/json"),
        ("text/json;q=0.4, application/json;q=0.9", "application/json"),
        ("application/fhir+json;q=0, */*", None),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", FHIR_JSON),
    ],
)
async def test_an_answer_is_in_the_format_that_is_accepted(client, accept, media_type):
    del client.headers["accept"]
    answer = await client.get("/fhir/Patient/x", headers={} if accept is None else {"Accept": accept})
    assert answer.status_code == (404 if media_type else 406)
    assert answer.headers["content-type"] == f"{media_type or FHIR_JSON}; charset=utf-8"


@pytest.mark.parametrize(
    ("format_", "media_type"),
    [
        ("json", FHIR_JSON),
        ("application/json", "application/json"),
        ("text/json", "text/json"),
        ("application/fhir%2Bjson", FHIR_JSON),
        ("application/fhir+json", FHIR_JSON),
        ("xml", None),
        ("html/json", None),
        ("", None),
    ],
)
async def test_format_wins_over_accept(client, format_, media_type):
    answer = await client.get(
        f"/fhir/Patient/x?_format={format_}", headers={"Accept": "application/fhir+xml"}
    )
    assert answer.status_code == (404 if media_type else 406)
    assert answer.headers["content-type"].startswith(media_type or FHIR_JSON)
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "accept", ["application/fhir+xml", "text/html", "application/fhir+json; fhirVersion=5.0"]
)
async def test_another_format_is_not_acceptable(client, accept):
    answer = await client.get("/fhir/Patient/x", headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.json()["issue"][0]["code"] == "not-supported"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/fhir+json", 201),
        ("application/json", 201),
        ("text/json", 201),
        ("application/fhir+json; charset=UTF-8; fhirVersion=4.0", 201),
        ("application/fhir+json; charset=latin-1", 415),
        ("application/fhir+json; fhirVersion=5.0", 415),
        ("application/fhir+xml", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
async def test_a_body_is_taken_in_the_formats_served(client, patient, content_type, status):
    answer = await client.post(
        "/fhir/Patient", content=json.dumps(patient), headers={"Content-Type": content_type}
    )
    assert answer.status_code == status


async def test_a_body_without_a_content_type_is_refused(client, patient):
    answer = await client.post("/fhir/Patient", content=json.dumps(patient).encode())
    assert answer.status_code == 415


async def test_a_long_answer_is_compressed_when_gzip_is_accepted(client, patient, fhir):
    long = patient | {"name": [{"family": "n" * 2000}]}
    await client.put("/fhir/Patient/p1", **fhir(long | {"id": "p1"}))
    packed = await client.get("/fhir/Patient/p1", headers={"Accept-Encoding": "br, gzip"})
    plain = await client.get("/fhir/Patient/p1", headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < 1000 < int(plain.headers["content-length"])
    assert packed.json() == plain.json()
    assert "Accept-Encoding" in plain.headers["vary"]


async def test_a_short_answer_is_not_compressed(client):
    answer = await client.get("/fhir/Patient/x", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("encode", "coding", "status"),
    [
        (gzip.compress, "gzip", 201),
        (lambda body: body, "identity", 201),
        (lambda body: body, "gzip", 400),
        (lambda body: gzip.compress(body)[:-4], "gzip", 400),
        (lambda body: gzip.compress(body) + b"more", "gzip", 400),
        (lambda body: body, "br", 415),
        (lambda body: gzip.compress(body + b" " * 6_000_000), "gzip", 413),
    ],
)
async def test_a_compressed_body_is_unpacked_within_the_limit(client, patient, encode, coding, status):
    answer = await client.post(
        "/fhir/Patient",
        content=encode(json.dumps(patient).encode()),
        headers={"Content-Type": FHIR_JSON, "Content-Encoding": coding},
    )
    assert answer.status_code == status
