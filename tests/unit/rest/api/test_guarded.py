"""Who is let in, what is read of whom is not, and how refusals name what they are about."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel

from fhir_server.audit.port import NoAudit
from fhir_server.audit.record import Record
from fhir_server.errors import AuthenticationFailed, Forbidden, InvalidRequest, TooLarge
from fhir_server.rest.api.guarded import MAX_BODY_BYTES, administrators, answer, everyone, guarded, principal
from smart_auth.errors import CredentialsRejected
from smart_auth.principal import EVERY_SCOPE, Principal


class Body(BaseModel):
    count: int


class Known:
    """An authenticator that knows one caller, and nobody where they have no scopes."""

    def __init__(self, *scopes, administrator=False):
        self._scopes, self._administrator = frozenset(scopes), administrator

    async def authenticate(self, authorization_header):
        if not self._scopes:
            raise CredentialsRejected("Not valid here.")
        return Principal("caller", self._scopes, administrator=self._administrator)


class Kept(NoAudit):
    """An audit whose records a test looks at."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def keep(self, records):
        self.records += records


def client(authenticator, permit, audit=None):
    routes = APIRouter(route_class=guarded(authenticator, permit))

    @routes.get("/broken")
    async def broken() -> Response:
        raise ZeroDivisionError

    @routes.post("/counted")
    async def counted(body: Body, request: Request, times: int = 1) -> Response:
        return answer({"count": body.count * times, "subject": principal(request).subject})

    app = FastAPI(telemetry={"auto_configure": False, "tracing": False})
    app.state.audit = audit or NoAudit()
    app.include_router(routes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server.example")


async def test_only_administrators_look_after_the_server():
    with pytest.raises(Forbidden):
        await client(Known(*EVERY_SCOPE), administrators).post("/counted", json={"count": 1})
    assert (await client(Known("x"), everyone).post("/counted", json={"count": 1})).status_code == 200
    administrator = Known("x", administrator=True)
    permitted = await client(administrator, administrators).post("/counted?times=2", json={"count": 1})
    assert permitted.json() == {"count": 2, "subject": "caller"}


async def test_of_a_stranger_nothing_is_read():
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("read")
        yield b""

    with pytest.raises(AuthenticationFailed):
        await client(Known(), everyone).post("/counted", content=body())


async def test_a_body_is_read_up_to_the_limit_however_it_comes():
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1000 + 2):
            yield b" " * 1000

    headers = {"Content-Type": "application/json"}
    with pytest.raises(TooLarge):
        await client(Known("x"), everyone).post("/counted", content=endless(), headers=headers)


@pytest.mark.parametrize(
    ("query", "body", "expression", "text"),
    [
        ("", {"count": "many"}, "count", "count=many: "),
        ("", {}, "count", "count: "),
        ("?times=x", {"count": 1}, "times", "times=x: "),
        ("?colour=red", {"count": 1}, "colour", "It takes times."),
        ("?times=1&times=2", {"count": 1}, "times", "more than once"),
        ("", [], None, "The body is a JSON array"),
    ],
)
async def test_a_refusal_names_the_member_or_parameter_and_its_value(query, body, expression, text):
    with pytest.raises(InvalidRequest) as refused:
        await client(Known("x"), everyone).post(f"/counted{query}", json=body)
    (issue,) = refused.value.issues
    assert issue.expression == expression
    assert text in issue.diagnostics


async def test_what_fails_unforeseen_is_recorded_and_raised():
    audit = Kept()
    with pytest.raises(ZeroDivisionError):
        await client(Known("x"), everyone, audit).get("/broken")
    assert [(one.agent.subject, one.outcome, one.reason) for one in audit.records] == [("caller", 8, "500")]
