import asyncio
import json

import pytest

PATCH = "application/json-patch+json"


@pytest.fixture
def patched(client):
    """Sends operations to an address; headers are given with underscores."""

    async def send(path, *operations, **headers):
        lines = {"Content-Type": PATCH} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.patch(path, content=json.dumps(operations), headers=lines)

    return send


@pytest.fixture
async def p1(client, patient, fhir):
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1", "identifier": [{"value": "1"}]}))


def add(path, value):
    return {"op": "add", "path": path, "value": value}


async def test_a_patch_makes_the_next_version_and_history_says_so(client, patched, p1):
    answer = await patched("/fhir/Patient/p1", add("/gender", "male"))
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert answer.headers["location"] == "http://server.example/fhir/Patient/p1/_history/2"
    assert answer.json()["gender"] == "male"
    assert (await client.get("/fhir/Patient?gender=male")).json()["entry"][0]["resource"] == answer.json()
    entry = (await client.get("/fhir/Patient/p1/_history")).json()["entry"][0]
    assert entry["request"] == {"method": "PATCH", "url": "Patient/p1"}
    assert (entry["response"]["status"], entry["resource"]) == ("200", answer.json())


async def test_what_a_patch_leaves_alone_keeps_every_digit(client, patched):
    text = '{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}'
    await client.put("/fhir/Observation/o1", content=text, headers={"Content-Type": "application/fhir+json"})
    test = {"op": "test", "path": "/valueQuantity/value", "value": 1}
    answer = await patched("/fhir/Observation/o1", test, add("/status", "amended"))
    assert b'"value":1.00' in answer.content
    assert b'"value": 1.00' in (await client.get("/fhir/Observation/o1")).content


async def test_a_test_that_fails_changes_nothing(client, patched, p1):
    answer = await patched(
        "/fhir/Patient/p1", add("/gender", "male"), {"op": "test", "path": "/active", "value": False}
    )
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Patient.active"]
    assert (await client.get("/fhir/Patient/p1")).headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("operation", "status", "expression"),
    [
        (add("/gender", "man"), 400, "Patient.gender"),
        (add("/shoeSize", 43), 400, "Patient.shoeSize"),
        ({"op": "remove", "path": "/name/0"}, 400, "Patient.name"),
        (add("/id", "p2"), 400, "Patient.id"),
        ({"op": "remove", "path": "/id"}, 400, "Patient.id"),
        (add("/resourceType", "Person"), 400, "Patient.resourceType"),
        (add("/meta/versionId", "7"), 400, "Patient.meta.versionId"),
        (add("/meta/lastUpdated", "2020-01-01T00:00:00Z"), 400, "Patient.meta.lastUpdated"),
        (add("", [1]), 400, "Patient"),
        ({"op": "replace", "path": "/gender", "value": "male"}, 422, "Patient.gender"),
        ({"op": "rename", "path": "/gender"}, 400, None),
    ],
)
async def test_a_patch_that_must_not_be_is_refused_by_its_element(
    client, patched, p1, operation, status, expression
):
    answer = await patched("/fhir/Patient/p1", operation)
    assert answer.status_code == status
    assert answer.json()["issue"][0].get("expression") == (expression and [expression])
    assert (await client.get("/fhir/Patient/p1")).headers["etag"] == 'W/"1"'


async def test_tags_are_patched_like_anything_else(client, patched, p1):
    answer = await patched("/fhir/Patient/p1", add("/meta/tag", [{"system": "s", "code": "t"}]))
    assert answer.json()["meta"]["tag"] == [{"system": "s", "code": "t"}]
    assert len((await client.get("/fhir/Patient?_tag=s|t")).json()["entry"]) == 1


async def test_a_generated_narrative_does_not_outlive_what_it_tells(client, patched, patient, fhir):
    narrative = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Active</div>'}
    await client.put("/fhir/Patient/p1", **fhir(patient | {"id": "p1", "text": narrative}))
    tagged = await patched("/fhir/Patient/p1", add("/meta/tag", [{"code": "t"}]))
    changed = await patched("/fhir/Patient/p1", add("/active", False))
    assert tagged.json()["text"] == narrative
    assert "text" not in changed.json()


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+json",
        "application/json",
        "application/xml-patch+xml",
        f"{PATCH}; charset=latin-1",
        "",
    ],
)
async def test_another_kind_of_patch_is_told_which_is_taken(client, p1, content_type):
    answer = await client.patch("/fhir/Patient/p1", content=b"[]", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    if "latin" not in content_type:
        assert answer.headers["accept-patch"] == PATCH
        assert "FHIRPath Patch" in answer.json()["issue"][0]["diagnostics"]


async def test_what_takes_patches_says_which(client):
    assert (await client.options("/fhir/Patient/p1")).headers["accept-patch"] == PATCH
    assert "accept-patch" not in (await client.options("/fhir/metadata")).headers


@pytest.mark.parametrize(("if_match", "status"), [('W/"1"', 200), ('W/"2"', 412), ("*", 200), ("1", 400)])
async def test_if_match_guards_a_patch(patched, p1, if_match, status):
    answer = await patched("/fhir/Patient/p1", add("/gender", "male"), If_Match=if_match)
    assert answer.status_code == status


async def test_what_is_not_there_is_not_patched(client, patched, p1):
    assert (await patched("/fhir/Patient/p2", add("/gender", "male"))).status_code == 404
    await client.delete("/fhir/Patient/p1")
    gone = await patched("/fhir/Patient/p1", add("/gender", "male"))
    assert (gone.status_code, gone.headers["etag"]) == (410, 'W/"2"')


async def test_a_patch_gives_back_what_the_client_prefers(patched, p1):
    answer = await patched("/fhir/Patient/p1", add("/gender", "male"), Prefer="return=minimal")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"", 'W/"2"')


async def test_a_conditional_patch_changes_the_one_match(client, patched, p1, patient, fhir):
    answer = await patched("/fhir/Patient?identifier=1", add("/gender", "male"))
    assert (answer.status_code, answer.json()["id"], answer.json()["gender"]) == (200, "p1", "male")
    assert (await patched("/fhir/Patient?identifier=2", add("/gender", "male"))).status_code == 404
    assert (
        await patched("/fhir/Patient?identifier=1", add("/active", False), If_Match='W/"1"')
    ).status_code == 412
    assert (await patched("/fhir/Patient", add("/gender", "male"))).status_code == 400
    await client.post("/fhir/Patient", **fhir(patient | {"identifier": [{"value": "1"}]}))
    assert (await patched("/fhir/Patient?identifier=1", add("/gender", "male"))).status_code == 412


async def test_concurrent_patches_of_different_elements_all_stand(client, patched, p1):
    lines = [{"system": "phone", "value": str(number)} for number in range(12)]
    await patched("/fhir/Patient/p1", add("/telecom", [{"system": "email", "value": "x"}]))
    answers = await asyncio.gather(*(patched("/fhir/Patient/p1", add("/telecom/-", line)) for line in lines))
    assert {answer.status_code for answer in answers} == {200}
    found = (await client.get("/fhir/Patient/p1")).json()["telecom"][1:]
    assert sorted(found, key=lambda line: int(line["value"])) == lines


async def test_the_statement_says_that_json_patch_is_taken(client):
    statement = (await client.get("/fhir/metadata")).json()
    assert statement["patchFormat"] == [PATCH]
    assert {"code": "patch"} in statement["rest"][0]["resource"][0]["interaction"]
