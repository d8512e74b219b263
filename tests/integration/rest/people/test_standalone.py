"""An app sends a person here: they log in, choose, decide, and go back with a code."""

import pytest

from tests import pages
from tests.integration.rest.people.conftest import BACK, HERE, OPERATOR, asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEASUREMENTS = "launch/patient patient/Observation.rs patient/Condition.rs"


@pytest.mark.item("smart-L4")
@pytest.mark.item("smart-S7")
@pytest.mark.item("smart-A5")
@pytest.mark.item("smart-A8")
@pytest.mark.item("smart-A11")
@pytest.mark.item("smart-L3")
async def test_a_practitioner_logs_in_finds_a_patient_and_grants_a_part_of_what_is_asked(browser):
    await browser.ask(MEASUREMENTS)
    assert (browser.page.status_code, browser.heading) == (200, "Log in")
    await browser.log_in("doc", "wrong")
    assert (browser.page.status_code, browser.heading) == (403, "Log in")
    await browser.log_in("DOC ")
    assert (browser.place, browser.heading) == ("/oauth/patient", "Choose a patient")
    await browser.send("patient", name="abl", birthdate="1980")
    assert "Ada Able" in browser.page.text
    assert "Bert" not in browser.page.text
    await browser.send("patient", patient="p1")
    assert (browser.place, browser.heading) == ("/oauth/consent", "Let Chart <i>App</i> use health records?")
    assert pages.faults(browser.page.text) == []
    await browser.allow(scope="patient/Observation.rs")
    assert (browser.answer["state"], browser.answer["iss"]) == ("s+1 é", HERE)
    granted = (await browser.tokens()).json()
    assert (granted["patient"], set(granted["scope"].split())) == (
        "p1",
        {"launch/patient", "patient/Observation.rs"},
    )
    assert granted["need_patient_banner"] is True
    style = await browser.client.get(granted["smart_style_url"], headers={"Origin": "https://any.example"})
    assert style.json()["color_text"].startswith("#")
    assert style.headers["access-control-allow-origin"] == "*"
    assert (await browser.read("Observation?patient=p1", granted)).status_code == 200
    assert (await browser.read("Condition?patient=p1", granted)).status_code == 403


@pytest.mark.item("smart-L4")
async def test_a_patient_is_not_asked_whom_it_is_about_and_cannot_make_it_about_others(browser):
    await browser.ask()
    await browser.log_in("ada")
    assert browser.place == "/oauth/consent"
    assert "Ada Able" in browser.page.text
    await browser.allow()
    assert (await browser.tokens()).json()["patient"] == "p1"


@pytest.mark.item("smart-L4")
async def test_who_stands_in_for_others_chooses_among_these_and_themselves_alone(browser):
    await browser.ask()
    await browser.log_in("bert")
    assert browser.place == "/oauth/patient"
    buttons = [
        each.get("value")
        for each in pages.read(browser.page.text).all("button")
        if each.get("name") == "patient"
    ]
    assert sorted(buttons) == ["p1", "p2"]
    picker = browser.page
    await browser.send("patient", patient="p3")
    assert browser.page.status_code == 404
    browser.page = picker
    await browser.send("patient", patient="p2")
    await browser.open(browser.page.url.join("patient?" + browser.page.url.query.decode()))
    await browser.send("patient", patient="p1")
    await browser.allow()
    assert (await browser.tokens()).json()["patient"] == "p1"


@pytest.mark.item("smart-L4")
async def test_practitioners_who_see_their_own_patients_find_no_others(visiting):
    async with visiting(practitioners="own") as opened:
        browser = opened()
        await browser.ask()
        await browser.log_in("doc")
        assert "Ada Able" in browser.page.text
        assert "Cleo" not in browser.page.text
        await browser.send("patient", patient="p3")
        assert browser.page.status_code == 404


@pytest.mark.item("smart-A9")
async def test_a_scope_of_a_patient_makes_the_user_choose_one_though_the_app_did_not_ask_for_it(browser):
    await browser.ask("patient/Observation.rs")
    await browser.log_in("doc")
    assert browser.place == "/oauth/patient"


@pytest.mark.item("smart-L5")
async def test_a_context_that_is_not_known_is_passed_over(browser):
    await browser.ask("launch/patient launch/imagingstudy?role=x patient/Observation.rs")
    await browser.log_in("ada")
    assert "imagingstudy" not in browser.page.text
    await browser.allow()
    assert set((await browser.tokens()).json()["scope"].split()) == {
        "launch/patient",
        "patient/Observation.rs",
    }


@pytest.mark.item("smart-A9")
async def test_a_user_without_any_patient_grants_nothing_that_needs_one(browser):
    await browser.ask("openid launch/patient patient/Observation.rs")
    await browser.log_in("boss")
    assert browser.place == "/oauth/consent"
    await browser.allow()
    granted = (await browser.tokens()).json()
    assert granted["scope"] == "openid"
    assert not {"patient", "need_patient_banner"} & granted.keys()


@pytest.mark.item("smart-L4")
async def test_an_encounter_is_chosen_among_those_of_the_patient_or_none(browser):
    await browser.ask("launch/patient launch/encounter patient/Observation.rs")
    await browser.log_in("ada")
    assert (browser.place, browser.heading) == ("/oauth/encounter", "Choose a visit")
    assert pages.faults(browser.page.text) == []
    choice = browser.page
    await browser.send("encounter", encounter="e3")
    assert browser.page.status_code == 404
    browser.page = choice
    await browser.send("encounter", encounter="e1")
    await browser.allow()
    assert (await browser.tokens()).json()["encounter"] == "e1"
    await browser.ask("launch/patient launch/encounter patient/Observation.rs", prompt="consent")
    await browser.send("encounter", encounter="")
    await browser.allow()
    assert "encounter" not in (await browser.tokens()).json()


@pytest.mark.item("smart-A8")
async def test_who_denies_goes_back_to_the_app_with_the_refusal_and_nothing_else(browser):
    await browser.ask()
    await browser.log_in("ada")
    await browser.send("consent", decision="deny")
    answer = browser.answer
    assert (answer["error"], answer["state"], "code" in answer) == ("access_denied", "s+1 é", False)


async def test_who_takes_every_mark_off_is_told_to_choose_or_deny(browser):
    await browser.ask()
    await browser.log_in("ada")
    await browser.send("consent", drop=("scope",), decision="allow")
    assert browser.page.status_code == 422
    assert "Allow at least one of these, or deny all of it." in browser.page.text


async def test_who_allows_on_a_page_about_another_patient_than_was_chosen_since_is_shown_the_page_anew(
    browser,
):
    await browser.ask()
    await browser.log_in("doc")
    await browser.send("patient", patient="p1")
    before = browser.page
    await browser.open("/oauth/" + next(link for link in _links(before) if link.startswith("patient?")))
    await browser.send("patient", patient="p2")
    browser.page = before
    await browser.allow()
    assert browser.page.status_code == 422
    assert "Bert Able" in browser.page.text
    assert pages.faults(browser.page.text) == []
    await browser.allow()
    assert (await browser.tokens()).json()["patient"] == "p2"


def _links(page):
    return [each.get("href") for each in pages.read(page.text).all("a")]


async def test_a_decision_is_taken_once(browser):
    await browser.ask()
    await browser.log_in("ada")
    consent = browser.page
    await browser.allow()
    assert "code" in browser.answer
    browser.page = consent
    await browser.allow()
    assert browser.page.status_code == 404


@pytest.mark.item("smart-A1")
async def test_an_app_may_ask_by_form_and_is_answered_as_by_address(browser):
    await browser.open("/oauth/login")
    await browser.log_in("ada")
    response = await browser.client.post("/oauth/authorize", data=asked())
    assert response.status_code == 303
    assert response.headers["location"].startswith("authorize?")
    await browser.open(response.url.join(response.headers["location"]))
    assert browser.place == "/oauth/consent"
    refused = await browser.client.post("/oauth/authorize", data=asked(code_challenge_method="plain"))
    assert "error=invalid_request" in refused.headers["location"]


@pytest.mark.item("smart-A6")
async def test_who_cannot_be_answered_gets_a_page_and_no_redirect(browser):
    for wrong in (
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": f"{BACK}/"},
    ):
        response = await browser.client.get("/oauth/authorize", params=asked() | wrong)
        assert response.status_code == 400
        assert "location" not in response.headers
        assert pages.faults(response.text) == []


async def test_what_is_nobodys_to_grant_is_refused_to_the_app_before_anyone_decides(browser):
    await browser.ask("launch")
    assert browser.answer["error"] == "invalid_request"
    await browser.ask("user/Observation.d unknown")
    await browser.log_in("ada")
    assert browser.answer["error"] == "invalid_scope"


async def test_the_pages_keep_to_the_servers_own_addresses_whatever_stands_before_them(visiting):
    async with visiting(base_url="https://proxy.example/base/fhir") as opened:
        browser = opened()
        await browser.ask(aud="https://proxy.example/base/fhir")
        assert browser.heading == "Log in"
        assert browser.page.headers["set-cookie"].startswith("__Host-session=")
        assert pages.faults(browser.page.text) == []


async def test_a_picker_says_which_field_is_wrong_and_goes_on_page_by_page(browser):
    await browser.ask()
    await browser.log_in("doc")
    await browser.send("patient", birthdate="yesterday")
    assert browser.page.status_code == 422
    assert 'href="#birthdate"' in browser.page.text
    assert browser.page.url.query == b""
    for _ in range(12):
        tree = {"resourceType": "Patient", "name": [{"text": "Many"}]}
        await browser.client.post("/fhir/Patient", json=tree, headers=OPERATOR)
    await browser.send("patient", name="many,ada", birthdate="")
    assert "No patient is found" in browser.page.text
    await browser.send("patient", name="many")
    more = next(each for each in pages.read(browser.page.text).all("button") if each.text == "More patients")
    await browser.send("patient", name="many", page=more.get("value"))
    assert "More patients" not in browser.page.text
    assert browser.page.text.count('name="patient"') == 2
    await browser.send("patient", page="somebody-elses")
    assert browser.page.status_code == 422
