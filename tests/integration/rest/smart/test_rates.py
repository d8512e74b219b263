"""Passwords, tokens and requests under them are answered so often for each who sends them, and then with 429."""

import pytest

from fhir_server.app import create_app
from tests.integration.rest.conftest import settings
from tests.integration.rest.smart.conftest import BASE, FORM, connected

LOGIN = "/oauth/login"


@pytest.mark.item("smart-1.9-throttle")
async def test_an_address_that_asks_for_tokens_too_often_is_told_when_to_come_back(serving):
    async with serving(oauth_rate=0.01, oauth_burst=3) as client:
        answers = [await client.post("/oauth/token", content="a=b", headers=FORM) for _ in range(4)]
        page = await client.get(LOGIN)
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert answers[3].json()["error"] == "slow_down"
    assert (answers[3].headers["retry-after"], answers[3].headers["cache-control"]) == ("100", "no-store")
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert "Too many requests" in page.text


@pytest.mark.item("smart-1.9-throttle")
async def test_an_address_that_tries_passwords_for_many_names_is_stopped(serving):
    async with serving(login_rate=0.01, login_burst=2) as client:
        tried = [
            await client.post(LOGIN, content=f"name=user{number}&password=x", headers=FORM)
            for number in range(3)
        ]
        shown = await client.get(LOGIN)
    assert [answer.status_code for answer in tried] == [403, 403, 429]
    assert int(tried[2].headers["retry-after"]) > 90
    assert shown.status_code == 200


@pytest.mark.item("smart-1.9-throttle")
async def test_an_app_that_asks_too_often_is_refused_and_no_other_user_of_it(server, smart_url):
    mine, theirs = [(await server.tokens())["access_token"] for _ in range(2)]
    app = create_app(settings(smart_url, base_url=BASE, client_rate=0.01, client_burst=2))
    async with app.router.lifespan_context(app), connected(app) as client:
        url = f"{BASE}/Patient/p1"
        answers = [await client.get(url, headers={"Authorization": f"Bearer {mine}"}) for _ in range(3)]
        other = await client.get(url, headers={"Authorization": f"Bearer {theirs}"})
        view = await client.get("/api/patients/p1/devices", headers={"Authorization": f"Bearer {mine}"})
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["issue"][0]["code"] == "throttled"
    assert "retry-after" in answers[2].headers
    assert (other.status_code, view.status_code) == (200, 429)
    async with server.database.connection() as connection:
        who = "SELECT subject FROM audit WHERE detail ->> 'reason' = '429' AND type = 'Patient' ORDER BY id DESC LIMIT 2"
        refused = await (await connection.execute(who)).fetchall()
    assert all(subject.startswith("user:") for (subject,) in refused), refused
