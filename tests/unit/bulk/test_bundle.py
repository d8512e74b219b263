"""The resources of a Bundle, with lasting references."""

from fhir_server.bulk.bundle import is_unpacked, resources, with_id
from fhir_server.errors import RequestError

URN = "urn:uuid:7c1f2a52-3e0b-4a55-9f0a-0a4d5d0c7a11"


def _bundle(*entries, type="transaction"):
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def test_a_temporary_address_becomes_the_id_and_references_to_it_last():
    patient = {"fullUrl": URN, "resource": {"resourceType": "Patient"}}
    observation = {"resource": {"resourceType": "Observation", "id": "o", "subject": {"reference": URN}}}
    made = list(resources(_bundle(patient, observation)))
    assert made[0]["id"] == URN.removeprefix("urn:uuid:")
    assert made[1]["subject"] == {"reference": f"Patient/{made[0]['id']}"}


def test_an_id_of_its_own_goes_before_the_temporary_address():
    patient = {"fullUrl": URN, "resource": {"resourceType": "Patient", "id": "p1"}}
    flag = {"resource": {"resourceType": "List", "id": "l", "entry": [{"item": {"reference": URN}}]}}
    assert list(resources(_bundle(patient, flag)))[1]["entry"] == [{"item": {"reference": "Patient/p1"}}]


def test_an_identifier_that_looks_like_the_address_stays():
    identifier = [{"system": "urn:ietf:rfc:3986", "value": URN}]
    (made,) = resources(
        _bundle({"fullUrl": URN, "resource": {"resourceType": "Patient", "identifier": identifier}})
    )
    assert made["identifier"] == identifier


def test_a_resource_without_id_gets_the_same_one_each_time():
    one = with_id({"resourceType": "Patient", "gender": "female"})
    assert one == with_id({"resourceType": "Patient", "gender": "female"})
    assert one["id"] != with_id({"resourceType": "Patient", "gender": "male"})["id"]


def test_entries_that_cannot_be_loaded_are_named_and_do_not_stop_the_others():
    entries = [
        {"request": {"method": "DELETE", "url": "Patient/1"}},
        {
            "resource": {"resourceType": "Patient"},
            "request": {"method": "POST", "ifNoneExist": "identifier=1"},
        },
        {
            "resource": {"resourceType": "Patient", "id": "ok"},
            "request": {"method": "PUT", "url": "Patient/ok"},
        },
        "not an entry",
    ]
    made = list(resources(_bundle(*entries)))
    assert [isinstance(each, RequestError) for each in made] == [True, True, False, True]
    assert made[1].issues[0].expression == "Bundle.entry.request"


def test_documents_and_messages_are_resources_of_their_own():
    assert is_unpacked(_bundle(type="collection"))
    assert not is_unpacked(_bundle(type="document"))
    assert not is_unpacked({"resourceType": "Patient"})
