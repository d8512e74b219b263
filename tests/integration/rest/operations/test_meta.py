import asyncio

import pytest

from fhir_server.validation.structure import check

TAG = {"system": "urn:tags", "code": "red", "display": "Red"}
LABEL = {"system": "urn:labels", "code": "R"}
PROFILE = "http://example.org/profile"


@pytest.fixture
async def basic(client, fhir):
    tree = {"resourceType": "Basic", "id": "b", "code": {"text": "x"}, "meta": {"tag": [TAG]}}
    for text in ("first", "second"):
        await client.put("/fhir/Basic/b", **fhir(tree | {"code": {"text": text}}))


def given(**meta):
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


async def relabel(client, fhir, operation, where="Basic/b", status=200, if_match=None, **meta):
    sent = fhir(given(**meta))
    headers = sent["headers"] | ({"If-Match": if_match} if if_match else {})
    answer = await client.post(f"/fhir/{where}/${operation}", content=sent["content"], headers=headers)
    assert answer.status_code == status, answer.text
    if status == 200:
        check("Parameters", answer.content)
        return answer.json()["parameter"][0]["valueMeta"]
    return answer.json()["issue"][0]


async def found(client, query):
    return "entry" in (await client.get(f"/fhir/Basic?{query}")).json()


async def test_meta_is_that_of_the_resource_or_the_version(client, basic):
    current = (await client.get("/fhir/Basic/b")).json()["meta"]
    for path, version in (
        ("Basic/b/$meta", "2"),
        ("Basic/b/_history/1/$meta", "1"),
        ("Basic/b/_history/2/$meta", "2"),
    ):
        answer = await client.get(f"/fhir/{path}")
        check("Parameters", answer.content)
        (one,) = answer.json()["parameter"]
        assert (one["name"], one["valueMeta"]["versionId"]) == ("return", version)
    assert one["valueMeta"] == current
    assert (await client.get("/fhir/Basic/none/$meta")).status_code == 404
    assert (await client.get("/fhir/Basic/b/_history/9/$meta")).status_code == 404
    assert (await client.get("/fhir/Basic/b/_history/x/$meta")).status_code == 404


async def test_labels_are_added_once_and_found_at_once_without_a_new_version(client, fhir, basic):
    before = (await client.get("/fhir/Basic/b")).json()["meta"]
    again = TAG | {"display": "Another"}
    meta = await relabel(
        client, fhir, "meta-add", tag=[again, {"code": "blue"}], security=[LABEL], profile=[PROFILE]
    )
    assert meta["tag"] == [TAG, {"code": "blue"}]
    assert (meta["security"], meta["profile"]) == ([LABEL], [PROFILE])
    assert (meta["versionId"], meta["lastUpdated"]) == (before["versionId"], before["lastUpdated"])
    assert (await client.get("/fhir/Basic/b")).json()["meta"] == meta
    assert await found(client, "_tag=blue")
    assert await found(client, "_security=urn:labels|R")
    assert await found(client, f"_profile={PROFILE}")
    history = (await client.get("/fhir/Basic/b/_history")).json()
    assert len(history["entry"]) == 2


async def test_labels_are_taken_away_by_what_identifies_them(client, fhir, basic):
    await relabel(client, fhir, "meta-add", tag=[{"code": "blue"}], profile=[PROFILE])
    meta = await relabel(client, fhir, "meta-delete", tag=[{"system": "urn:tags", "code": "red"}, {"code": "never"}],
                         profile=[PROFILE])  # fmt: skip
    assert meta["tag"] == [{"code": "blue"}]
    assert "profile" not in meta
    assert not await found(client, "_tag=red")
    assert not await found(client, "_profile:missing=false")
    assert "tag" not in await relabel(client, fhir, "meta-delete", tag=[{"code": "blue"}])


async def test_an_earlier_version_is_changed_alone(client, fhir, basic):
    meta = await relabel(client, fhir, "meta-add", "Basic/b/_history/1", security=[LABEL])
    assert (meta["versionId"], meta["security"]) == ("1", [LABEL])
    first = (await client.get("/fhir/Basic/b/_history/1")).json()
    assert (first["meta"]["security"], first["code"]) == ([LABEL], {"text": "first"})
    assert "security" not in (await client.get("/fhir/Basic/b")).json()["meta"]
    assert not await found(client, "_security=R")
    assert (await relabel(client, fhir, "meta-add", "Basic/b/_history/2", security=[LABEL]))[
        "versionId"
    ] == "2"
    assert await found(client, "_security=R")


async def test_if_match_is_honoured(client, fhir, basic):
    assert (await relabel(client, fhir, "meta-add", status=412, if_match='W/"1"', tag=[LABEL]))[
        "code"
    ] == "conflict"
    await relabel(client, fhir, "meta-add", if_match='W/"2"', tag=[LABEL])


async def test_what_is_not_there_cannot_be_labelled(client, fhir, basic):
    assert (await relabel(client, fhir, "meta-add", "Basic/none", 404, tag=[TAG]))["code"] == "not-found"
    assert (await relabel(client, fhir, "meta-add", "Basic/b/_history/7", 404, tag=[TAG]))[
        "code"
    ] == "not-found"
    await client.delete("/fhir/Basic/b")
    assert (await relabel(client, fhir, "meta-add", "Basic/b", 410, tag=[TAG]))["code"] == "deleted"
    await relabel(client, fhir, "meta-add", "Basic/b/_history/1", tag=[LABEL])
    for tree in (given(source="urn:x"), given(tag=[{"display": "x"}]), given(tag=[{"code": 1}])):
        answer = await client.post("/fhir/Basic/b/$meta-add", **fhir(tree))
        assert answer.status_code == 400, tree
        assert "meta" in answer.text.lower()
    assert (await client.get("/fhir/Basic/b/$meta-add")).status_code == 405


async def test_labels_of_many_writers_are_all_kept(client, fhir, basic):
    await asyncio.gather(*(relabel(client, fhir, "meta-add", tag=[{"code": f"t{n}"}]) for n in range(12)))
    tags = (await client.get("/fhir/Basic/b")).json()["meta"]["tag"]
    assert {tag["code"] for tag in tags} == {"red", *(f"t{n}" for n in range(12))}


async def test_decimals_keep_their_digits_when_labels_change(client, fhir):
    tree = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
            "valueQuantity": {"value": 0}}  # fmt: skip
    body = fhir(tree)["content"].replace('"value": 0', '"value": 1.500')
    await client.put("/fhir/Observation/o", content=body, headers=fhir(tree)["headers"])
    await relabel(client, fhir, "meta-add", "Observation/o", tag=[TAG])
    text = (await client.get("/fhir/Observation/o")).text
    assert '"value": 1.500' in text or '"value":1.500' in text


async def test_what_is_in_use_is_told_for_a_type_and_for_all(client, fhir, basic):
    await relabel(client, fhir, "meta-add", profile=[PROFILE])
    await client.put(
        "/fhir/Patient/p", **fhir({"resourceType": "Patient", "id": "p", "meta": {"security": [LABEL]}})
    )
    answer = await client.get("/fhir/Basic/$meta")
    check("Parameters", answer.content)
    assert answer.json()["parameter"] == [
        {"name": "return", "valueMeta": {"profile": [PROFILE], "tag": [TAG]}},
        {"name": "looked-at", "valueInteger": 1},
    ]
    of_all = (await client.get("/fhir/$meta")).json()["parameter"]
    assert of_all == [
        {"name": "return", "valueMeta": {"profile": [PROFILE], "tag": [TAG], "security": [LABEL]}},
        {"name": "looked-at", "valueInteger": 2},
    ]


async def test_where_nothing_is_in_use_the_meta_says_that_there_is_none(client, fhir, basic):
    answer = await client.get("/fhir/Device/$meta")
    check("Parameters", answer.content)
    absent = {
        "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
        "valueCode": "not-applicable",
    }
    assert answer.json()["parameter"] == [
        {"name": "return", "valueMeta": {"extension": [absent]}},
        {"name": "looked-at", "valueInteger": 0},
    ]
