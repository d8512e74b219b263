"""The SMART Python client `fhirclient`, as it comes from its makers."""

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRUnauthorizedException

from tests.contract.clients.content import heart_rate, patient, transaction

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture
def smart(server):
    """A client that goes on with the session of an app that was let in before."""
    auth = {"app_id": "tests", "access_token": server.token, "token_uri": None, "auth_uri": None}
    state = {
        "app_id": "tests",
        "server": {"base_uri": f"{server.fhir}/", "auth_type": "oauth2", "auth": auth},
    }
    client = FHIRClient(state=state)
    yield client.server
    client.server.session.close()


def test_the_capability_statement_is_understood(server):
    client = FHIRClient(settings={"app_id": "tests", "api_base": server.fhir})
    assert not client.prepare(), "there is a way to log in, and nobody did"
    assert client.server.capabilityStatement.fhirVersion == "4.0.1"
    assert client.authorize_url.startswith(server.fhir.removesuffix("/fhir") + "/oauth/authorize?")
    with pytest.raises(FHIRUnauthorizedException):
        Patient.read("1", client.server)
    client.server.session.close()


def test_a_resource_is_created_read_changed_and_deleted(smart):
    made = Patient(Patient(patient("Smart-Crud")).create(smart))
    read = Patient.read(made.id, smart)
    assert (read.name[0].family, read.meta.versionId) == ("Smart-Crud", "1")
    read.active = False
    assert Patient(read.update(smart)).meta.versionId == "2"
    read.delete(smart)
    with pytest.raises(Exception, match="410"):
        Patient.read(made.id, smart)
    with pytest.raises(FHIRNotFoundException):
        Patient.read("never-was", smart)


def test_a_search_is_paged_to_the_last(smart):
    made = Patient(Patient(patient("Smart-Pages")).create(smart))
    for number in range(7):
        Observation(heart_rate(f"Patient/{made.id}", 60 + number, number)).create(smart)
    asked = {"patient": made.id, "code": "http://loinc.org|8867-4", "_sort": "-date", "_count": "2"}
    found = [each.valueQuantity.value for each in Observation.where(asked).perform_resources_iter(smart)]
    assert found == [66, 65, 64, 63, 62, 61, 60]
    between = {"patient": made.id, "date": {"$and": ["ge2026-02-03T10:02:00Z", "lt2026-02-03T10:04:00Z"]}}
    assert len(list(Observation.where(between).perform_resources_iter(smart))) == 2


def test_a_transaction_is_stored_whole_and_found_with_what_it_refers_to(smart):
    answer = Bundle(Bundle(transaction("Smart-Transaction", 2)).create(smart))
    assert [entry.response.status[:3] for entry in answer.entry] == ["201"] * 3
    (whom,) = Patient.where({"family": "Smart-Transaction"}).perform_resources_iter(smart)
    search = Observation.where({"patient": whom.id}).include("subject")
    assert [each.resource_type for each in search.perform_resources_iter(smart)] == ["Observation"] * 2 + [
        "Patient"
    ]
    reverse = Patient.where({"_id": whom.id}).include("subject", Observation, reverse=True)
    assert [each.resource_type for each in reverse.perform_resources_iter(smart)] == ["Patient"] + [
        "Observation"
    ] * 2
