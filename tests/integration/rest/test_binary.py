import base64
import gzip
import hashlib
import json
import os
import time

import psycopg
import pytest

from fhir_server.store.blobs.pointer import URL
from tests.integration.rest.contents import LARGE, PDF, as_resource, posted, resource


@pytest.fixture
async def client(serving, tmp_path):
    async with serving(blobs=str(tmp_path / "blobs")) as opened:
        yield opened


@pytest.fixture
def files(tmp_path):
    """The contents that lie in the blob store, by their SHA-256."""
    folder = tmp_path / "blobs"
    return lambda: {path.parent.name + path.name: path.read_bytes() for path in folder.glob("*/*")}


async def test_only_large_contents_lie_in_the_blob_store_each_once(client, files):
    await posted(client, PDF)
    await posted(client, LARGE)
    await client.post("/fhir/Binary", **resource(LARGE))
    assert files() == {hashlib.sha256(LARGE).hexdigest(): LARGE}


async def test_each_version_keeps_its_content(client):
    id = await posted(client, LARGE)
    answer = await client.put(
        f"/fhir/Binary/{id}", content=PDF, headers={"Content-Type": "image/png", "If-Match": '"1"'}
    )
    assert answer.status_code == 200
    first = await client.get(f"/fhir/Binary/{id}/_history/1")
    second = await client.get(f"/fhir/Binary/{id}/_history/2")
    assert (first.content, first.headers["content-type"], first.headers["etag"]) == (
        LARGE,
        "application/pdf",
        '"1"',
    )
    assert (second.content, second.headers["content-type"]) == (PDF, "image/png")


async def test_a_deleted_content_is_gone_and_its_version_stays(client):
    id = await posted(client, LARGE)
    assert (await client.delete(f"/fhir/Binary/{id}")).status_code == 204
    assert (await client.get(f"/fhir/Binary/{id}")).status_code == 410
    assert (await client.get(f"/fhir/Binary/{id}/_history/1")).content == LARGE


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "image/svg+xml", "application/pdf"])
async def test_a_content_is_never_shown_in_the_servers_name(client, content_type):
    id = await posted(client, b"<script>alert(1)</script>", content_type)
    answer = await client.get(f"/fhir/Binary/{id}")
    assert answer.headers["content-type"] == content_type
    assert answer.headers["content-disposition"] == f'attachment; filename="Binary-{id}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_json_that_is_no_binary_resource_is_a_content(client, patient):
    text = json.dumps(patient).encode()
    for content_type in ("application/fhir+json", "application/json"):
        id = await posted(client, text, content_type)
        answer = await client.get(f"/fhir/Binary/{id}")
        assert (answer.content, answer.headers["content-type"]) == (text, content_type)


async def test_a_content_without_a_type_is_refused(client):
    answer = await client.post("/fhir/Binary", content=PDF)
    assert answer.status_code == 415


async def test_the_security_context_comes_and_goes_in_a_header(client):
    id = await posted(client, PDF, **{"X-Security-Context": "Patient/p1"})
    tree = (await as_resource(client, id)).json()
    assert tree["securityContext"] == {"reference": "Patient/p1"}
    assert (await client.get(f"/fhir/Binary/{id}")).headers["x-security-context"] == "Patient/p1"


@pytest.mark.parametrize("header", ["p1", "http://elsewhere.example/Patient/1", "Patient/", "patient/1"])
async def test_a_security_context_that_is_no_resource_here_is_refused(client, header):
    answer = await client.post(
        "/fhir/Binary",
        content=PDF,
        headers={"Content-Type": "application/pdf", "X-Security-Context": header},
    )
    assert answer.status_code == 400
    assert "X-Security-Context" in answer.json()["issue"][0]["diagnostics"]


async def test_a_content_beyond_the_limit_is_refused(serving, tmp_path):
    async with serving(blobs=str(tmp_path), max_binary_bytes=100_000) as client:
        headers = {"Content-Type": "image/png"}
        assert (await client.post("/fhir/Binary", content=bytes(100_000), headers=headers)).status_code == 201
        assert (await client.post("/fhir/Binary", content=bytes(100_001), headers=headers)).status_code == 413


async def test_searches_and_histories_leave_large_contents_out_and_say_what_they_are(client):
    id = await posted(client, LARGE)
    for path in (f"/fhir/Binary?_id={id}", f"/fhir/Binary/{id}/_history"):
        (entry,) = (await client.get(path)).json()["entry"]
        (left_out,) = entry["resource"]["_data"]["extension"]
        assert "data" not in entry["resource"]
        assert left_out == {
            "url": URL,
            "extension": [
                {"url": "sha256", "valueString": hashlib.sha256(LARGE).hexdigest()},
                {"url": "size", "valueDecimal": len(LARGE)},
            ],
        }


@pytest.mark.parametrize("method", ["POST", "PUT", "batch", "transaction"])
async def test_nobody_can_point_to_a_content_they_did_not_send(client, method):
    secret = await posted(client, LARGE)
    (entry,) = (await client.get(f"/fhir/Binary?_id={secret}")).json()["entry"]
    tree = entry["resource"] | {"id": "mine"}
    fhir = {"Content-Type": "application/fhir+json"}
    if method in ("POST", "PUT"):
        path = "/fhir/Binary" if method == "POST" else "/fhir/Binary/mine"
        answer = await client.request(method, path, content=json.dumps(tree), headers=fhir)
        assert answer.status_code == 400
        outcome = answer.json()
    else:
        request = {"method": "PUT", "url": "Binary/mine"}
        bundle = {
            "resourceType": "Bundle",
            "type": method,
            "entry": [{"resource": tree, "request": request}],
        }
        answer = (await client.post("/fhir", content=json.dumps(bundle), headers=fhir)).json()
        outcome = answer if method == "transaction" else answer["entry"][0]["response"]["outcome"]
    assert "send it with its data" in json.dumps(outcome)


async def test_a_patch_that_leaves_the_content_alone_keeps_it(client, files):
    id = await posted(client, LARGE)
    patch = [{"op": "replace", "path": "/contentType", "value": "image/png"}]
    answer = await client.patch(
        f"/fhir/Binary/{id}",
        content=json.dumps(patch),
        headers={"Content-Type": "application/json-patch+json"},
    )
    assert answer.status_code == 200
    found = await client.get(f"/fhir/Binary/{id}")
    assert (found.content, found.headers["content-type"], found.headers["etag"]) == (
        LARGE,
        "image/png",
        '"2"',
    )


async def test_a_patch_can_give_another_content_and_not_another_pointer(client):
    id, other = await posted(client, LARGE), await posted(client, LARGE + b"!")
    headers = {"Content-Type": "application/json-patch+json"}
    (entry,) = (await client.get(f"/fhir/Binary?_id={other}")).json()["entry"]
    stolen = [{"op": "replace", "path": "/_data", "value": entry["resource"]["_data"]}]
    refused = await client.patch(f"/fhir/Binary/{id}", content=json.dumps(stolen), headers=headers)
    assert refused.status_code == 400
    given = [{"op": "add", "path": "/data", "value": base64.b64encode(PDF).decode()}]
    taken = await client.patch(f"/fhir/Binary/{id}", content=json.dumps(given), headers=headers)
    assert taken.status_code == 200
    assert (await client.get(f"/fhir/Binary/{id}")).content == PDF


async def test_a_bundle_carries_binaries_in_and_out(client, files):
    tree = {
        "resourceType": "Binary",
        "contentType": "image/png",
        "data": base64.b64encode(LARGE).decode(),
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": {**tree, "id": "b1"}, "request": {"method": "PUT", "url": "Binary/b1"}},
            {"request": {"method": "GET", "url": "Binary/b1"}},
        ],
    }
    answer = await client.post(
        "/fhir", content=json.dumps(bundle), headers={"Content-Type": "application/fhir+json"}
    )
    assert answer.status_code == 200, answer.text
    _, read = answer.json()["entry"]
    assert base64.b64decode(read["resource"]["data"]) == LARGE
    assert list(files()) == [hashlib.sha256(LARGE).hexdigest()]
    assert (await client.get("/fhir/Binary/b1")).content == LARGE


async def test_a_stored_binary_is_valid(client):
    id = await posted(client, LARGE)
    answer = await client.get(
        f"/fhir/Binary/{id}/$validate?mode=profile&profile=http://hl7.org/fhir/StructureDefinition/Binary"
    )
    assert [issue["severity"] for issue in answer.json()["issue"]] == ["information"], answer.text


async def test_a_content_that_was_lost_is_told_as_such(client, files, tmp_path):
    id = await posted(client, LARGE)
    name = hashlib.sha256(LARGE).hexdigest()
    (tmp_path / "blobs" / name[:2] / name[2:]).unlink()
    for answer in (await client.get(f"/fhir/Binary/{id}"), await as_resource(client, id)):
        assert answer.status_code == 503
        assert name in answer.json()["issue"][0]["diagnostics"]


async def test_a_downloaded_record_has_the_contents(client, patient):
    fhir = {"Content-Type": "application/fhir+json"}
    await client.put("/fhir/Patient/p1", content=json.dumps(patient | {"id": "p1"}), headers=fhir)
    small = await posted(client, PDF)
    large = await posted(client, LARGE, **{"X-Security-Context": "Patient/p1"})
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"url": f"Binary/{id}"}} for id in (small, large)],
    }
    await client.post("/fhir/DocumentReference", content=json.dumps(document), headers=fhir)
    entries = (await client.get("/fhir/Patient/p1/$record")).json()["entry"]
    found = [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == "Binary"]
    assert {base64.b64decode(tree["data"]) for tree in found} == {PDF, LARGE}


async def test_without_a_blob_store_everything_is_in_the_database(serving, database_url):
    async with serving() as client:
        id = await posted(client, LARGE)
        assert (await client.get(f"/fhir/Binary/{id}")).content == LARGE
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM blob").fetchone() == (0,)


@pytest.mark.parametrize("form", ["content", "announced", "resource", "transaction"])
async def test_without_a_blob_store_a_large_content_is_refused_and_the_setting_named(serving, form):
    headers, large = {"Content-Type": "application/fhir+json"}, bytes(1_000_001)
    tree = {"resourceType": "Binary", "contentType": "image/png", "data": base64.b64encode(large).decode()}
    entry = {"resource": tree, "request": {"method": "POST", "url": "Binary"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}

    async def unannounced():
        yield large

    sent = {
        "content": ("/fhir/Binary", unannounced(), {"Content-Type": "image/png"}),
        "announced": ("/fhir/Binary", large, {"Content-Type": "image/png"}),
        "resource": ("/fhir/Binary", json.dumps(tree), headers),
        "transaction": ("/fhir", json.dumps(bundle), headers),
    }
    path, content, headers = sent[form]
    async with serving() as client:
        answer = await client.post(path, content=content, headers=headers)
        assert answer.status_code == 413
        assert "FHIR_BLOBS" in answer.json()["issue"][0]["diagnostics"]
        assert (await client.get("/fhir/Binary?_summary=count")).json()["total"] == 0


async def test_a_huge_content_is_not_answered_within_a_bundle(client):
    large = bytes(1_000_001)
    id = await posted(client, large)
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {"request": {"method": "GET", "url": f"Binary/{id}"}},
            {"request": {"method": "GET", "url": f"Binary/{id}?_elements=contentType"}},
        ],
    }
    sent = {"content": json.dumps(bundle), "headers": {"Content-Type": "application/fhir+json"}}
    whole, shaped = [
        each["response"]["status"] for each in (await client.post("/fhir", **sent)).json()["entry"]
    ]

    assert (whole, shaped) == ("413", "200")
    assert base64.b64decode((await as_resource(client, id)).json()["data"]) == large


async def test_who_may_not_read_gets_no_content(client):
    id = await posted(client, LARGE)
    answer = await client.get(f"/fhir/Binary/{id}", headers={"Authorization": "Bearer " + "x" * 40})
    assert answer.status_code == 401
    assert LARGE[:20] not in answer.content


HUGE = os.urandom(1_500_000) + bytes(1_500_000)  # half of it packs well


@pytest.fixture
async def watched(serving, tmp_path):
    """A client of a server with a data folder, and the contents that lie on the server's disk."""
    async with serving(data_dir=tmp_path) as opened:
        yield opened, lambda name: [path for path in (tmp_path / name).rglob("*") if path.is_file()]


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_a_huge_content_comes_in_parts_and_through_a_file_that_is_gone_after(watched, method, packed):
    client, files = watched
    sent, seen = gzip.compress(HUGE) if packed else HUGE, list[int]()

    async def parts():
        for start in range(0, len(sent), 200_000):
            seen.append(sum(path.stat().st_size for path in files("incoming")))
            yield sent[start : start + 200_000]

    path = "/fhir/Binary" if method == "POST" else "/fhir/Binary/huge"
    headers = {"Content-Type": "application/pdf"} | ({"Content-Encoding": "gzip"} if packed else {})
    answer = await client.request(method, path, content=parts(), headers=headers)
    assert answer.status_code == 201, answer.text
    assert (await client.get(f"/fhir/Binary/{answer.json()['id']}")).content == HUGE
    assert [path.parent.name + path.name for path in files("blobs")] == [hashlib.sha256(HUGE).hexdigest()]
    assert max(seen) >= 1_000_000
    assert files("incoming") == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (gzip.compress(HUGE)[:-5], 400),
        (gzip.compress(HUGE) + b"more", 400),
        (b"no gzip" * 200_000, 400),
        (gzip.compress(bytes(60_000_000)), 413),
    ],
    ids=["cut short", "more behind", "none", "bomb"],
)
async def test_a_huge_packed_content_that_is_broken_leaves_nothing(watched, sent, status):
    client, files = watched
    headers = {"Content-Type": "application/pdf", "Content-Encoding": "gzip"}
    answer = await client.post("/fhir/Binary", content=sent, headers=headers)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
    assert files("incoming") + files("blobs") == []


async def test_a_huge_content_without_a_length_is_refused_on_the_way(serving, tmp_path):
    async def endless():
        while True:
            yield bytes(300_000)

    async with serving(data_dir=tmp_path, max_binary_bytes=2_000_000) as client:
        answer = await client.post("/fhir/Binary", content=endless(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 413
    assert [*(tmp_path / "incoming").iterdir()] == []


async def test_a_huge_content_whose_binary_is_refused_is_not_kept(watched):
    client, files = watched
    headers = {"Content-Type": "application/pdf", "X-Security-Context": "nowhere"}
    assert (await client.post("/fhir/Binary", content=HUGE, headers=headers)).status_code == 400
    assert files("incoming") + files("blobs") == []


async def test_what_a_killed_process_left_of_a_content_is_removed_a_day_later(serving, tmp_path):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    old, new = incoming / "content-old", incoming / "content-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    async with serving(data_dir=tmp_path):
        assert [*incoming.iterdir()] == [new]


XML_BINARY = (
    b'<?xml version="1.0"?>\n<!-- a -->\n<Binary xmlns="http://hl7.org/fhir"><data value="aGk="/></Binary>'
)


@pytest.mark.parametrize("content_type", ["application/fhir+xml", "text/xml; charset=utf-8"])
async def test_a_binary_resource_in_xml_is_refused_and_other_xml_is_a_content(client, content_type):
    headers = {"Content-Type": content_type}
    refused = await client.post("/fhir/Binary", content=XML_BINARY, headers=headers)
    assert refused.status_code == 415
    assert "JSON" in refused.json()["issue"][0]["diagnostics"]
    for other in (b'<Patient xmlns="http://hl7.org/fhir"/>', b"<!---->" * 5_000, XML_BINARY[:50]):
        id = await posted(client, other, content_type)
        assert (await client.get(f"/fhir/Binary/{id}")).content == other
