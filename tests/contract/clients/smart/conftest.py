"""People, patients and apps on the server, and one Chromium in which all of them meet."""

import json
import os
import select
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from tests import nginx
from tests.contract.clients.content import heart_rate

HERE = Path(__file__).parent
WORDS = "tiger lamp seven boat"
SCOPES = (
    "openid", "fhirUser", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access",
    "patient/*.rs",
)  # fmt: skip

_VITAL_SIGNS = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "vital-signs",
}
_PATIENTS = (("smart-ada", "Lovelace"), ("smart-bert", "Brecht"))
_RESOURCES = (
    {"resourceType": "Practitioner", "id": "smart-doc"},
    *(
        {"resourceType": "Patient", "id": id, "name": [{"family": family, "given": ["Ada"]}]}
        for id, family in _PATIENTS
    ),
    *(
        heart_rate(f"Patient/{id}", 60 + number, number)
        | {"id": f"{id}-{number}", "category": [{"coding": [_VITAL_SIGNS]}]}
        for id, _ in _PATIENTS
        for number in range(2)
    ),
    {
        "resourceType": "Encounter",
        "id": "smart-visit",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/smart-ada"},
    },
)


class Operator:
    """Whoever runs the server: adds people and apps."""

    def __init__(self, secure, token):
        self.client = httpx.Client(
            base_url=secure.secure,
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(secure.certificate)),
        )

    def store(self, resources):
        entries = [
            {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
            for each in resources
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        headers = {"Content-Type": "application/fhir+json"}
        return self._made(self.client.post("/fhir", content=json.dumps(bundle), headers=headers))

    def user(self, name, **about):
        asked = {"name": name, "role": "practitioner", "fhir_user": "Practitioner/smart-doc", **about}
        return self._made(self.client.post("/api/users", json=asked))

    def app(self, id, name, authentication="none", scopes=SCOPES, **about):
        asked = {"id": id, "name": name, "authentication": authentication, "scopes": scopes, **about}
        return self._made(self.client.post("/api/clients", json=asked))

    def launch(self, **asked):
        return self._made(self.client.post("/api/launches", json=asked))

    def _made(self, answer):
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


class Chromium:
    """The browser, and the origin that the apps are at."""

    def __init__(self, fhir, certificate):
        assert (HERE.parent / "node_modules").is_dir(), "The clients are not installed. Run `make clients`."
        self.process = subprocess.Popen(
            ["node", "browser.mjs", fhir],
            cwd=HERE,
            env=os.environ | {"NODE_EXTRA_CA_CERTS": str(certificate)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        said = self._line()
        self.origin, self.jwks = said["origin"], said["jwks"]

    def do(self, flow, **asked):
        """What came of a flow of browser.mjs."""
        self.process.stdin.write(json.dumps({"flow": flow, **asked}) + "\n")
        self.process.stdin.flush()
        said = self._line()
        assert "answer" in said, said["failure"]
        return said["answer"]

    def close(self):
        self.process.communicate(timeout=30)

    def _line(self, patience=90):
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        text = self.process.stdout.readline() if ready else ""
        assert text, "Chromium did not answer. Is it installed? Run `make deps`."
        return json.loads(text)


@pytest.fixture(scope="session")
def secure(server, tmp_path_factory):
    """The server behind nginx, as browsers come to it."""
    with nginx.before(server.fhir.removesuffix("/fhir"), tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.fixture(scope="session")
def operator(server, secure):
    """The operator of a server with a practitioner, two patients and their readings."""
    operator = Operator(secure, server.token)
    operator.store(_RESOURCES)
    operator.user("smart-doc", password=WORDS)
    yield operator
    operator.client.close()


@pytest.fixture(scope="session")
def chromium(secure, operator):
    """Chromium, and apps at another origin, each registered in its own way."""
    browser = Chromium(f"{secure.secure}/fhir", secure.certificate)
    at = browser.origin
    operator.app("public", "Chart", redirect_uris=[f"{at}/public"], launch_url=f"{at}/public/launch")
    made = operator.app("secretive", "Ward", "client_secret_basic", redirect_uris=[f"{at}/secretive"])
    signs = {"authentication": "private_key_jwt"}
    operator.app("signing", "Plan", **signs, redirect_uris=[f"{at}/signing"], jwks=browser.jwks["ES384"])
    operator.app(
        "strict",
        "Strict",
        **signs,
        redirect_uris=[f"{at}/strict"],
        jwks=browser.jwks["RS384"],
        introspects=True,
    )
    operator.app("python", "Notebook", redirect_uris=[f"{at}/strict"])
    operator.app("vitals", "Latest vital signs", redirect_uris=[f"{at}/vitals/"])
    for algorithm, jwks in browser.jwks.items():
        operator.app(
            f"service-{algorithm}", "Service", **signs, scopes=["system/*.rs"], backend=True, jwks=jwks
        )
    browser.do("told", secret=made["client_secret"])
    yield browser
    browser.close()
