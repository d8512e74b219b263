"""A server with people, patients and apps, and browsers that come to it without any script."""

import asyncio
import base64
import hashlib
import json
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
import pytest_asyncio

from fhir_server.app import create_app
from fhir_server.store.database import Database
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.users import Accounts
from smart_auth.clients import Client
from smart_auth.passwords import Passwords
from smart_auth.tokens import sha256
from smart_auth.users import User
from tests import pages
from tests.integration.rest.conftest import TOKEN, settings

HERE = "https://server.example"
BACK = "https://app.example/back"
WORDS = "tiger lamp seven boat"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SECRET = "fhir-cs-" + "s" * 43

_RESOURCES = (
    {"resourceType": "Practitioner", "id": "d1"},
    {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"given": ["Ada"], "family": "Able"}],
        "birthDate": "1980-05-17",
        "identifier": [{"system": "http://mrn", "value": "4711"}],
        "generalPractitioner": [{"reference": "Practitioner/d1"}],
    },
    {
        "resourceType": "Patient",
        "id": "p2",
        "name": [{"given": ["Bert"], "family": "Able"}],
        "birthDate": "1991",
    },
    {"resourceType": "Patient", "id": "p3", "name": [{"text": "Cleo Baker"}]},
    *(
        {
            "resourceType": "Encounter",
            "id": f"e{number}",
            "status": "finished",
            "class": {"code": "AMB", "display": "ambulatory"},
            "subject": {"reference": f"Patient/p{number}"},
        }
        for number in (1, 3)
    ),
)
_USERS = (
    User("doc", "doc", "practitioner", fhir_user="Practitioner/d1"),
    User("ada", "ada", "patient", fhir_user="Patient/p1"),
    User("bert", "bert", "patient", fhir_user="Patient/p2", proxies=frozenset({"p1"})),
    User("boss", "boss", "admin"),
)
_SCOPES = (
    "openid", "fhirUser", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access",
    "patient/*.cruds", "user/*.rs",
)  # fmt: skip
_CLIENTS = (
    Client("app", "Chart <i>App</i>", "none", _SCOPES, redirect_uris=(BACK,), launch_url="https://app.example/go?x=1"),
    Client("other", "Other App", "none", _SCOPES, redirect_uris=(BACK, "com.example.other:/back")),
    Client("ehr", "The EHR", "none", ("__announce_launch", "openid"), redirect_uris=(BACK,)),
    Client("keeper", "Keeper", "client_secret_basic", _SCOPES, redirect_uris=(BACK,), secrets=(sha256(SECRET),)),
)  # fmt: skip


@pytest.fixture(scope="session")
def people_url(cloned):
    """A database with patients, people and apps, which all tests of pages share: what they do is their own users'."""
    with cloned() as url:
        asyncio.run(_filled(url))
        yield url


async def _filled(url):
    app = create_app(settings(url))
    async with app.router.lifespan_context(app), _connected(app) as client:
        entries = [
            {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
            for each in _RESOURCES
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        made = await client.post("/fhir", content=json.dumps(bundle), headers=OPERATOR)
        assert made.status_code == 200, made.text
    database = Database(url, size=2)
    await database.open()
    hashed = await Passwords().hashed(WORDS)
    for user in _USERS:
        await Accounts(database).add(user, hashed)
    for client in _CLIENTS:
        await Clients(database).add(client)
    await database.close()


def _bearer(token):
    return {"Authorization": f"Bearer {token}"}


OPERATOR = _bearer(TOKEN) | {"Content-Type": "application/fhir+json"}


def _connected(app, base=HERE):
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url=base
    )


@pytest.fixture
def visiting(people_url):
    """A running server under changed settings, as a function that opens browsers at it."""

    @asynccontextmanager
    async def running(base=HERE, **changes):
        app = create_app(settings(changes.pop("database_url", people_url), **changes))
        async with app.router.lifespan_context(app):
            yield lambda: Browser(_connected(app, base))

    return running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(people_url):
    """The server that most tests of pages visit."""
    app = create_app(settings(people_url))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def browser(server):
    """A browser in which nobody is logged in."""
    return Browser(_connected(server))


class Browser:
    """Follows redirects on the server and fills in forms, as a person would; `page` is what is shown now."""

    def __init__(self, client):
        self.client = client
        self.page = None

    def another(self):
        """Another person's browser at the same server."""
        return Browser(_connected(self.client._transport.app, str(self.client.base_url)))

    async def open(self, url):
        return await self._arrive(await self.client.get(url))

    async def send(self, action, changes=(), drop=(), **fields):
        """The form of the page that goes to `action`, with its fields as `changes` and `fields` say."""
        given = {**dict(changes), **fields}
        kept = [
            (name, value)
            for name, value in pages.form(self.page.text, action)
            if name not in given and name not in drop
        ]
        pairs = [*kept, *((name, each) for name, value in given.items() for each in _listed(value))]
        address = self.page.url.join(action)
        return await self._arrive(await self.client.post(address, content=urlencode(pairs), headers=FORM))

    async def ask(self, scope="launch/patient patient/Observation.rs", client="app", **changes):
        """Goes to the server as an app sends it there."""
        return await self.open(f"/oauth/authorize?{urlencode(asked(scope, client, **changes))}")

    async def log_in(self, name, password=WORDS):
        return await self.send("login", name=name, password=password)

    async def allow(self, **fields):
        return await self.send("consent", decision="allow", **fields)

    @property
    def answer(self):
        """What the app is told, once the browser left for it."""
        assert self.page.status_code == 303, self.page.text
        location = self.page.headers["location"]
        assert location.startswith(("https://app.example/", "com.example.")), location
        return dict(parse_qsl(urlsplit(location).query))

    @property
    def heading(self):
        return next(pages.read(self.page.text).all("h1")).text

    @property
    def place(self):
        return self.page.url.path

    async def tokens(self, client="app", **changes):
        """What the app gets for the code."""
        form = {
            "grant_type": "authorization_code", "code": self.answer["code"], "redirect_uri": BACK,
            "client_id": client, "code_verifier": VERIFIER, **changes,
        }  # fmt: skip
        return await self.client.post("/oauth/token", data=form)

    async def refreshed(self, tokens, client="app"):
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": client}
        return await self.client.post("/oauth/token", data=form)

    async def read(self, path, tokens):
        return await self.client.get(f"/fhir/{path}", headers=_bearer(tokens["access_token"]))

    async def administer(self, method, path, tree=None):
        return await self.client.request(method, f"/api/{path}", headers=_bearer(TOKEN), json=tree)

    async def _arrive(self, response):
        while response.status_code == 303 and _is_here(response):
            response = await self.client.get(response.url.join(response.headers["location"]))
        self.page = response
        return response


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def asked(scope="launch/patient patient/Observation.rs", client="app", **changes):
    """The parameters of an app's request; one that is None is left out."""
    said = {
        "response_type": "code", "client_id": client, "redirect_uri": BACK, "scope": scope, "state": "s+1 é",
        "aud": f"{HERE}/fhir", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        "prompt": "consent", **changes,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def _is_here(response):
    return response.url.join(response.headers["location"]).host == response.url.host


def _listed(value):
    return value if isinstance(value, list) else [value]
