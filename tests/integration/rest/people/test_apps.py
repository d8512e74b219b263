"""The page on which people see and take back what apps may do."""

import psycopg
import pytest

from tests import pages
from tests.integration.rest.people.conftest import BACK, WORDS

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_person_sees_what_apps_may_do_and_takes_it_back_at_once(browser):
    await browser.ask("launch/patient patient/Observation.rs offline_access", client="other")
    await browser.log_in("ada")
    await browser.allow()
    held = (await browser.tokens("other")).json()
    other = browser.another()
    await other.open("/oauth/login")
    await other.log_in("bert")
    assert "Other App" not in other.page.text
    await browser.open("/oauth/apps")
    assert pages.faults(browser.page.text) == []
    assert "See: measurements, vital signs and laboratory results of Ada Able" in browser.page.text
    token = dict(pages.form(browser.page.text, "apps"))["token"]
    response = await browser.client.post("/oauth/apps", data={"token": token, "client": "other"})
    await browser.open(response.url.join(response.headers["location"]))
    assert "Done." in browser.page.text
    assert "Other App" not in browser.page.text
    assert (await browser.read("Observation", held)).status_code == 401
    assert (await browser.refreshed(held, "other")).json()["error"] == "invalid_grant"
    await browser.ask("launch/patient patient/Observation.rs", client="other")
    assert browser.place == "/oauth/consent"


async def test_an_administrator_takes_back_what_apps_may_do_which_a_reset_and_an_end_of_being_disabled_do_not(
    browser,
):
    await browser.administer(
        "POST", "users", {"name": "cleo", "role": "patient", "fhir_user": "Patient/p1", "password": WORDS}
    )
    await browser.ask("launch/patient patient/Observation.rs offline_access", client="other")
    await browser.log_in("cleo")
    await browser.allow()
    held = (await browser.tokens("other")).json()

    for done, status in (("disable", 401), ("enable", 200), ("password", 200), ("revoke-apps", 401)):
        answer = await browser.administer("POST", f"users/cleo/{done}")
        assert answer.status_code == 200, done
        assert (await browser.read("Observation", held)).status_code == status, done
    assert (await browser.refreshed(held, "other")).json()["error"] == "invalid_grant"
    await browser.administer("POST", "users/cleo/enable")
    assert (await browser.read("Observation", held)).status_code == 401
    assert (await browser.administer("POST", "users/nobody/revoke-apps")).status_code == 404


async def test_an_administrator_takes_back_what_everybody_granted_an_app(browser):
    app = {"id": "leaky", "name": "Leaky", "authentication": "none", "redirect_uris": [BACK]}
    scopes = ["launch/patient", "patient/Observation.rs", "offline_access"]
    assert (await browser.administer("POST", "clients", {**app, "scopes": scopes})).status_code == 201
    await browser.ask(" ".join(scopes), client="leaky")
    await browser.log_in("ada")
    await browser.allow()
    held = (await browser.tokens("leaky")).json()
    assert (await browser.read("Observation", held)).status_code == 200

    answer = await browser.administer("POST", "clients/leaky/revoke-grants")

    assert (answer.status_code, answer.json()["status"]) == (200, "active")
    assert (await browser.read("Observation", held)).status_code == 401
    assert (await browser.refreshed(held, "leaky")).json()["error"] == "invalid_grant"
    await browser.ask(" ".join(scopes), client="leaky", prompt=None)
    assert browser.place == "/oauth/consent"
    assert (await browser.administer("POST", "clients/nobody/revoke-grants")).status_code == 404


async def test_nobody_takes_back_what_others_allowed_or_without_their_own_form(browser):
    await browser.ask("patient/Observation.rs", client="other")
    await browser.log_in("bert")
    await browser.send("patient", patient="p2")
    await browser.allow()
    held = (await browser.tokens("other")).json()
    stranger = browser.another()
    await stranger.open("/oauth/login")
    await stranger.log_in("doc")
    token = dict(pages.form(stranger.page.text, "logout"))["token"]
    for forged in (token, ""):
        await stranger.client.post("/oauth/apps", data={"token": forged, "client": "other"})
    assert (await browser.read("Observation", held)).status_code == 200


async def test_what_is_no_app_leaves_nothing_in_the_audit(browser, people_url):
    await browser.open("/oauth/login")
    await browser.log_in("doc")
    token = dict(pages.form(browser.page.text, "logout"))["token"]
    answer = await browser.client.post("/oauth/apps", data={"token": token, "client": "anything at all"})
    assert (answer.status_code, answer.headers["location"]) == (303, "apps")
    with psycopg.connect(people_url) as connection:
        kept = connection.execute("SELECT count(*) FROM audit a WHERE a::text LIKE '%anything at all%'")
        assert kept.fetchone() == (0,)
