"""How the content of a Binary is read: whole, in parts, or not again.

https://hl7.org/fhir/R4/binary.html
"""

import base64

import pytest

from fhir_server.app import create_app
from tests.integration.rest.conftest import connected, settings
from tests.integration.rest.contents import LARGE, PDF, as_resource, posted, resource


@pytest.fixture(scope="module")
async def app(shared_database_url, tmp_path_factory):
    with_blobs = create_app(settings(shared_database_url, blobs=str(tmp_path_factory.mktemp("blobs"))))
    async with with_blobs.router.lifespan_context(with_blobs):
        yield with_blobs


@pytest.fixture
async def client(app):
    async with connected(app) as opened:
        yield opened


@pytest.mark.parametrize("content", [PDF, LARGE, b""], ids=["small", "large", "empty"])
async def test_what_is_sent_as_it_is_comes_back_as_it_is(client, content):
    id = await posted(client, content)
    answer = await client.get(f"/fhir/Binary/{id}")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("content", [PDF, LARGE], ids=["small", "large"])
async def test_both_forms_tell_the_same(client, content):
    raw, answer = await posted(client, content), await client.post("/fhir/Binary", **resource(content))
    for id in (raw, answer.json()["id"]):
        tree = (await as_resource(client, id)).json()
        assert base64.b64decode(tree["data"]) == content
        assert tree["contentType"] == "application/pdf"
        assert "_data" not in tree
        assert (await client.get(f"/fhir/Binary/{id}")).content == content


@pytest.mark.parametrize(
    ("accept", "raw"),
    [
        (None, True),
        ("*/*", True),
        ("application/pdf", True),
        ("image/png", True),
        ("text/html, */*;q=0.8", True),
        ("application/json", True),
        ("application/fhir+json", False),
        ("application/fhir+json;q=0.9, */*;q=0.1", False),
    ],
)
async def test_a_read_gives_the_content_unless_it_names_fhir(client, accept, raw):
    id = await posted(client, PDF)
    client.headers.pop("accept")
    answer = await client.get(f"/fhir/Binary/{id}", headers={} if accept is None else {"Accept": accept})
    assert answer.status_code == 200
    assert (answer.content == PDF) == raw


async def test_a_format_of_fhirs_that_is_not_served_is_refused(client):
    id = await posted(client, PDF)
    answer = await client.get(f"/fhir/Binary/{id}", headers={"Accept": "application/fhir+xml"})
    assert (answer.status_code, answer.json()["resourceType"]) == (406, "OperationOutcome")


async def test_format_and_shape_are_asked_of_the_resource(client):
    id = await posted(client, LARGE)
    whole = await client.get(f"/fhir/Binary/{id}?_format=json")
    assert base64.b64decode(whole.json()["data"]) == LARGE
    summary = (await client.get(f"/fhir/Binary/{id}?_summary=true")).json()
    assert summary["contentType"] == "application/pdf"
    assert "data" not in summary


RANGES = [
    ("bytes=0-9", 206, 0, 10),
    ("bytes=10-", 206, 10, None),
    ("bytes=-7", 206, -7, None),
    ("bytes=5-5", 206, 5, 6),
    ("bytes=-999999999", 206, 0, None),
    ("bytes=3-99999999", 206, 3, None),
    ("bytes=0-1,5-6", 200, 0, None),
    ("bytes=9-3", 200, 0, None),
    ("lines=0-3", 200, 0, None),
    ("bytes=", 200, 0, None),
]


@pytest.mark.parametrize("content", [PDF, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(("header", "status", "start", "stop"), RANGES)
async def test_a_range_is_sent_alone(client, content, header, status, start, stop):
    id = await posted(client, content)
    answer = await client.get(f"/fhir/Binary/{id}", headers={"Range": header})
    wanted = content[start:stop]
    assert (answer.status_code, answer.content) == (status, wanted)
    assert answer.headers["content-length"] == str(len(wanted))
    if status == 206:
        first = content.index(wanted) if start >= 0 else len(content) + start
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(content)}"


@pytest.mark.parametrize("content", [PDF, LARGE, b""], ids=["small", "large", "empty"])
@pytest.mark.parametrize("header", ["bytes=9999999-", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused_with_the_length(client, content, header):
    id = await posted(client, content)
    answer = await client.get(f"/fhir/Binary/{id}", headers={"Range": header})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(content)}"
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("condition", "status"),
    [('"1"', 206), ('W/"1"', 200), ('"2"', 200), ("Fri, 01 Jan 2100 00:00:00 GMT", 200)],
)
async def test_a_range_of_another_version_is_the_whole_content(client, condition, status):
    id = await posted(client, LARGE)
    answer = await client.get(f"/fhir/Binary/{id}", headers={"Range": "bytes=0-9", "If-Range": condition})
    assert answer.status_code == status


async def test_head_tells_of_the_content_without_it(client):
    id = await posted(client, LARGE)
    answer = await client.head(f"/fhir/Binary/{id}", headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(LARGE))


async def test_a_client_that_has_the_content_is_told_so(client):
    id = await posted(client, LARGE)
    answer = await client.get(f"/fhir/Binary/{id}", headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("accept", "tag", "status"),
    [
        ("*/*", '"1"', 304),
        ("*/*", 'W/"1"', 200),
        ("*/*", 'W/"1", "1"', 304),
        ("*/*", "*", 304),
        ("application/fhir+json", 'W/"1"', 304),
        ("application/fhir+json", '"1"', 200),
    ],
)
async def test_who_has_the_content_does_not_have_the_resource(client, accept, tag, status):
    id = await posted(client, PDF)
    answer = await client.get(f"/fhir/Binary/{id}", headers={"Accept": accept, "If-None-Match": tag})
    assert answer.status_code == status
