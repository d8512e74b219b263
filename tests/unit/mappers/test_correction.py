from mappers.correction import amended


def test_an_amended_version_differs_in_its_status_alone():
    resource = {"resourceType": "Observation", "id": "o1", "status": "final"}

    assert amended(resource) == {**resource, "status": "amended"}
    assert resource["status"] == "final"
