"""Apps that an EHR opens for its user, about the patient that is open there."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAUNCH = {"client_id": "app", "user": "doc", "patient": "p1"}


@pytest.fixture
async def opened(browser):
    """Announces a launch: its handle."""

    async def announced(**said):
        response = await browser.administer("POST", "launches", LAUNCH | said)
        assert response.status_code == 201, response.text
        return response.json()["launch"]

    return announced


@pytest.mark.item("smart-L1")
@pytest.mark.item("smart-L3")
async def test_an_app_that_is_opened_gets_what_the_ehr_said_and_asks_for_no_patient(browser):
    said = {
        "encounter": "e1",
        "intent": "reconcile",
        "need_patient_banner": False,
        "fhirContext": [{"reference": "ImagingStudy/1"}, {"reference": "Patient/p9", "role": "x"}],
    }
    response = await browser.administer("POST", "launches", LAUNCH | said)
    address = urlsplit(response.json()["url"])
    query = parse_qs(address.query)
    assert (address.path, query["x"], query["iss"]) == ("/go", ["1"], ["https://server.example/fhir"])
    await browser.ask("launch patient/Observation.rs", launch=query["launch"][0])
    await browser.log_in("doc")
    assert browser.place == "/oauth/consent"
    assert "Choose another patient" not in browser.page.text
    await browser.allow()
    granted = (await browser.tokens()).json()
    assert {name: granted[name] for name in ("patient", "encounter", "intent", "need_patient_banner")} == {
        "patient": "p1",
        "encounter": "e1",
        "intent": "reconcile",
        "need_patient_banner": False,
    }
    assert granted["fhirContext"] == said["fhirContext"]


@pytest.mark.item("smart-L1")
async def test_a_handle_opens_an_app_once(browser, opened):
    handle = await opened()
    await browser.ask("launch patient/Observation.rs", launch=handle)
    await browser.log_in("doc")
    first = browser.page
    await browser.ask("launch patient/Observation.rs", launch=handle)
    second = browser.page
    browser.page = first
    await browser.allow()
    assert "code" in browser.answer
    browser.page = second
    await browser.allow()
    assert browser.answer["error"] == "invalid_request"
    await browser.ask("launch patient/Observation.rs", launch=handle)
    assert browser.answer["error"] == "invalid_request"


@pytest.mark.item("smart-L1")
@pytest.mark.item("leak-26")
async def test_a_handle_is_of_no_use_to_another_user_another_app_or_another_browser(browser, opened):
    handle = await opened()
    for user, client in (("ada", "app"), ("doc", "other"), ("doc", "app")):
        if (user, client) == ("doc", "app"):
            await browser.ask("launch patient/Observation.rs", launch=handle)
            await browser.log_in("doc")
            assert browser.place == "/oauth/consent"
        thief = browser.another()
        await thief.ask("launch patient/Observation.rs", client=client, launch=handle)
        await thief.log_in(user)
        assert (thief.answer["error"], "code" in thief.answer) == ("invalid_request", False)


@pytest.mark.item("smart-L1")
async def test_a_handle_ends_after_five_minutes_and_is_kept_as_a_hash_alone(browser, opened, people_url):
    handle = await opened()
    with psycopg.connect(people_url, autocommit=True) as connection:
        kept = connection.execute(
            "SELECT ends_at - clock_timestamp() < interval '5 minutes', app_launch::text FROM app_launch WHERE session IS NULL"
        ).fetchall()
        assert all(row[0] for row in kept)
        assert not any(handle in row[1] for row in kept)
        connection.execute("UPDATE app_launch SET ends_at = ends_at - interval '5 minutes'")
    await browser.ask("launch patient/Observation.rs", launch=handle)
    await browser.log_in("doc")
    assert browser.answer["error"] == "invalid_request"


@pytest.mark.item("smart-L1")
async def test_of_two_who_spend_a_launch_at_once_one_does(browser, opened, people_url):
    from fhir_server.store.database import Database
    from fhir_server.store.smart.launches import Launches
    from smart_auth.launch import LaunchRefused, claim, spend

    handle = await opened()
    database = Database(people_url, size=4)
    await database.open()
    launches = Launches(database)
    account = (await browser.administer("GET", "users/doc")).json()["id"]
    assert (await claim(launches, handle, "app", account, "s1")).patient == "p1"
    with pytest.raises(LaunchRefused):
        await claim(launches, handle, "app", account, "s2")
    spent = await asyncio.gather(*(spend(launches, handle, "s1") for _ in range(4)), return_exceptions=True)
    await database.close()
    assert [type(each) for each in spent].count(LaunchRefused) == 3


@pytest.mark.item("smart-L2")
async def test_the_scope_and_the_handle_of_a_launch_go_together(browser):
    for scope, launch in (("launch openid", None), ("openid", "handle"), ("launch openid", "")):
        await browser.ask(scope, launch=launch)
        assert browser.answer["error"] == "invalid_request"


@pytest.mark.item("smart-L1")
async def test_a_launch_that_cannot_be_is_refused_by_the_member_that_is_wrong(browser):
    for said, member in (
        ({"client_id": "nobody"}, "client_id"),
        ({"user": "nobody"}, "user"),
        ({"patient": "gone"}, "patient"),
        ({"user": "ada", "patient": "p2"}, "patient"),
        ({"user": "boss"}, "patient"),
        ({"patient": "Patient/p1"}, "patient"),
        ({"encounter": "e3"}, "encounter"),
        ({"patient": None, "encounter": "e1"}, "patient"),
        ({"fhirContext": [{"role": "x"}]}, "fhirContext[0]"),
        ({"fhirContext": [{"reference": "Patient/p1"}]}, "fhirContext[0]"),
        ({"fhirContext": [{"reference": "https://x.example/ImagingStudy/1"}]}, "fhirContext[0]"),
        ({"fhirContext": [{"canonical": "http://x", "role": ""}]}, "fhirContext[0]"),
        ({"fhirContext": [{"canonical": 5}]}, "fhirContext[0]"),
        ({"fhirContext": [{"identifier": "x"}]}, "fhirContext[0]"),
        ({"unknown": 1}, "unknown"),
    ):
        response = await browser.administer("POST", "launches", LAUNCH | said)
        assert response.status_code == 400, said
        assert response.json()["issue"][0]["expression"] == [member]


@pytest.mark.item("smart-L1")
async def test_an_app_opens_others_for_its_own_user_alone_and_only_where_it_may(browser):
    answers = {}
    for client, scope in (("app", "patient/*.cruds"), ("ehr", "openid"), ("ehr", "__announce_launch openid")):
        await browser.ask(scope, client=client, prompt="login consent")
        await browser.log_in("ada")
        await browser.allow()
        held = (await browser.tokens(client)).json()
        for user in ("ada", "doc"):
            headers = {"Authorization": f"Bearer {held['access_token']}"}
            said = LAUNCH | {"user": user}
            answers[scope, user] = (
                await browser.client.post("/api/launches", json=said, headers=headers)
            ).status_code
    assert [scope_and_user for scope_and_user, status in answers.items() if status == 201] == [
        ("__announce_launch openid", "ada")
    ]
    assert set(answers.values()) == {201, 403}
    assert (await browser.client.post("/api/launches", json=LAUNCH)).status_code == 401
