"""The npm package `openid-client`, certified for OpenID Connect, as it comes from its makers: it checks all it is told."""

import pytest

from tests.contract.clients.smart.conftest import WORDS

pytestmark = pytest.mark.xdist_group("clients")


@pytest.mark.item("smart-A11")
@pytest.mark.item("smart-S10")
@pytest.mark.item("smart-R2")
@pytest.mark.item("smart-I2")
@pytest.mark.item("smart-I3")
@pytest.mark.item("smart-V1")
def test_a_strict_client_gets_renews_asks_about_and_ends_its_tokens(secure, chromium):
    said = chromium.do("code", name="smart-doc", password=WORDS, pick="Lovelace")
    issuer = secure.secure
    assert (said["iss"], said["claims"]["iss"], said["claims"]["aud"]) == (issuer, issuer, "strict")
    assert said["claims"]["fhirUser"] == f"{issuer}/fhir/Practitioner/smart-doc"
    first, second, told = said["first"], said["second"], said["told"]
    assert (second["scope"], second["patient"]) == (first["scope"], "smart-ada")
    assert second["refresh_token"] != first["refresh_token"]
    assert (told["active"], told["scope"], told["sub"]) == (True, first["scope"], said["claims"]["sub"])
    assert said["after"] == {"active": False}
    assert said["replayed"] == "invalid_grant"


@pytest.mark.item("smart-B1")
@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_service_signs_for_a_token_of_its_own(chromium, algorithm):
    asked = {"id": f"service-{algorithm}", "algorithm": algorithm, "scope": "system/Patient.rs"}
    told = chromium.do("for itself", **asked)
    assert told["said"] == {"token_type": "bearer", "expires_in": 300, "scope": "system/Patient.rs"}
    assert told["status"] == 200
