"""The SMART Python client `fhirclient`, as it comes from its makers, whose user logs in with Chromium."""

import pytest
from fhirclient.client import FHIRClient

from tests.contract.clients.smart.conftest import WORDS

pytestmark = pytest.mark.xdist_group("clients")


@pytest.mark.item("smart-D9")
def test_a_script_finds_its_way_by_the_capability_statement_and_renews_its_token(
    secure, chromium, monkeypatch
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure.certificate))
    settings = {
        "app_id": "python",
        "api_base": f"{secure.secure}/fhir",
        "redirect_uri": f"{chromium.origin}/strict",
        "scope": "launch/patient offline_access patient/*.rs",
    }
    client = FHIRClient(settings=settings)
    client.prepare()
    back = chromium.do("sent", url=client.authorize_url, name="smart-doc", password=WORDS, pick="Lovelace")
    client.handle_callback(back)
    assert (client.patient.id, client.patient.name[0].family) == ("smart-ada", "Lovelace")
    before = client.server.auth.access_token
    assert client.reauthorize()
    assert client.server.auth.access_token != before
    client.server.session.close()
