import json

import pytest

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
BASE = "http://hl7.org/fhir/StructureDefinition/"


@pytest.fixture
def client(shared_client):
    return shared_client


def parameters(**values):
    entries = [{"name": name} | value for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": entries}


async def issues(client, fhir, path, body, status=200, **headers):
    sent = fhir(body)
    answer = await client.post(path, content=sent["content"], headers=sent["headers"] | headers)
    assert answer.status_code == status, answer.text
    return [(issue["severity"], issue["code"], issue.get("expression")) for issue in answer.json()["issue"]]


async def test_a_valid_resource_has_no_error(client, fhir):
    told = await issues(
        client, fhir, "/fhir/Observation/$validate", parameters(resource={"resource": OBSERVATION})
    )
    assert told == [("information", "informational", None)]


async def test_the_resource_may_be_the_body_itself(client, fhir):
    told = await issues(client, fhir, "/fhir/Observation/$validate?mode=create", OBSERVATION)
    assert told == [("information", "informational", None)]


async def test_every_fault_is_told_with_its_element_and_status_200(client, fhir):
    faulty = OBSERVATION | {"status": "bogus", "valueInteger": "5"}
    for body in (faulty, parameters(resource={"resource": faulty})):
        told = await issues(client, fhir, "/fhir/Observation/$validate", body)
        assert {(severity, *expression) for severity, _, expression in told} == {
            ("error", "Observation.status"),
            ("error", "Observation.value.ofType(integer)"),
        }


async def test_nothing_is_stored(client, fhir):
    body = OBSERVATION | {"identifier": [{"system": "urn:validate", "value": "never"}]}
    await issues(client, fhir, "/fhir/Observation/$validate?mode=create", body)
    found = await client.get("/fhir/Observation?identifier=urn:validate|never")
    assert "entry" not in found.json()


async def test_another_type_than_the_address_says_is_an_error(client, fhir):
    told = await issues(client, fhir, "/fhir/Patient/$validate", OBSERVATION)
    assert [severity for severity, _, _ in told] == ["error"]


async def test_a_profile_that_cannot_be_checked_is_an_error_not_a_pass(client, fhir):
    body = parameters(resource={"resource": OBSERVATION}, profile={"valueUri": "http://example.org/p"})
    assert ("error", "not-supported", ["profile"]) in await issues(
        client, fhir, "/fhir/Observation/$validate", body
    )


@pytest.mark.parametrize("version", ["", "|4.0.1"])
async def test_r4s_own_definition_of_the_type_is_checked(client, fhir, version):
    claiming = OBSERVATION | {"meta": {"profile": [f"{BASE}Observation{version}"]}}
    body = parameters(resource={"resource": claiming}, profile={"valueUri": f"{BASE}Observation{version}"})
    assert [code for _, code, _ in await issues(client, fhir, "/fhir/Observation/$validate", body)] == [
        "informational"
    ]


async def test_a_claimed_profile_that_was_not_checked_is_a_warning(client, fhir):
    told = await issues(
        client,
        fhir,
        "/fhir/Observation/$validate",
        OBSERVATION | {"meta": {"profile": ["http://example.org/p"]}},
    )
    assert ("warning", "not-supported", ["Observation.meta.profile"]) in told
    assert ("information", "informational", None) in told


async def test_an_update_needs_the_id_of_the_address(client, fhir):
    told = await issues(
        client, fhir, "/fhir/Observation/o1/$validate?mode=update", OBSERVATION | {"id": "o2"}
    )
    assert ("error", "invalid", ["Observation.id"]) in told


async def test_an_update_is_checked_against_if_match(client, fhir):
    await client.put("/fhir/Observation/v-match", **fhir(OBSERVATION | {"id": "v-match"}))
    path, body = "/fhir/Observation/v-match/$validate?mode=update", OBSERVATION | {"id": "v-match"}
    good = await issues(client, fhir, path, body, **{"If-Match": 'W/"1"'})
    bad = await issues(client, fhir, path, body, **{"If-Match": 'W/"7"'})
    assert [severity for severity, _, _ in good] == ["information"]
    assert [(severity, code) for severity, code, _ in bad] == [("error", "conflict")]


async def test_a_deletion_is_told_the_same_whether_something_is_there(client, fhir):
    await client.put("/fhir/Observation/v-there", **fhir(OBSERVATION | {"id": "v-there"}))
    there = await client.get("/fhir/Observation/v-there/$validate?mode=delete")
    absent = await client.get("/fhir/Observation/v-absent/$validate?mode=delete")
    assert there.status_code == absent.status_code == 200
    assert there.content == absent.content


async def test_the_mode_profile_is_about_the_stored_resource(client, fhir):
    await client.put("/fhir/Observation/v-stored", **fhir(OBSERVATION | {"id": "v-stored"}))
    path = "/fhir/Observation/{}/$validate?mode=profile&profile=" + BASE + "Observation"
    assert (await client.get(path.format("v-stored"))).json()["issue"][0]["severity"] == "information"
    assert (await client.get(path.format("v-nowhere"))).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("Observation/$validate?mode=bogus", OBSERVATION, "mode"),
        ("Observation/$validate?mode=update", OBSERVATION, "mode"),
        ("Observation/$validate?mode=delete", OBSERVATION, "mode"),
        ("Observation/1/$validate?mode=create", OBSERVATION, "mode"),
        ("Observation/1/$validate?mode=profile", None, "profile"),
        ("Observation/$validate", None, "resource"),
        ("Observation/$validate?mode=create&mode=create", OBSERVATION, "mode"),
        ("Observation/$validate?nonsense=1", OBSERVATION, "nonsense"),
        ("Observation/$validate", parameters(nonsense={"valueCode": "x"}), "nonsense"),
        ("Observation/$validate", parameters(mode={"valueString": "create"}), "mode"),
        ("Observation/$validate", parameters(mode={"resource": OBSERVATION}), "mode"),
        ("Observation/$validate", parameters(resource={"valueString": "x"}), "resource"),
        ("Observation/$validate?mode=create", parameters(mode={"valueCode": "create"}), "mode"),
        ("Observation/$validate?mode=", OBSERVATION, "mode"),
    ],
)
async def test_what_it_cannot_be_called_with_is_named(client, fhir, path, body, named):
    sent = fhir(body) if body else {}
    answer = await client.post(f"/fhir/{path}", **sent)
    assert answer.status_code == 400, answer.text
    assert answer.json()["issue"][0]["expression"] == [named]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"resourceType":"Parameters","parameter":[{"name":"resource"}]}', b'{"a":1}']
)
async def test_what_is_no_resource_cannot_be_validated(client, body):
    answer = await client.post(
        "/fhir/Observation/$validate", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_body_needs_a_json_media_type(client):
    answer = await client.post("/fhir/Observation/$validate", content=json.dumps(OBSERVATION).encode())
    assert answer.status_code == 415
