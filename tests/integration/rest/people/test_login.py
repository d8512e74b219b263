"""Logging in, staying logged in, and logging out."""

import psycopg
import pytest

from tests import pages
from tests.integration.rest.people.conftest import WORDS

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
async def newcomer(browser):
    """Adds a patient with an account of their own, for tests that change it: their name and one-time password."""

    async def added(name, **said):
        tree = {"name": name, "role": "patient", "fhir_user": "Patient/p1"} | said
        made = await browser.administer("POST", "users", tree)
        assert made.status_code == 201, made.text
        return made.json()

    return added


@pytest.mark.item("smart-A10")
async def test_a_browser_gets_a_cookie_that_no_script_and_no_other_site_can_use_and_a_new_one_at_login(
    browser,
):
    await browser.open("/oauth/login")
    before = browser.page.headers["set-cookie"]
    await browser.log_in("ada")
    after = browser.client.cookies["__Host-session"]
    assert all(part in before for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"))
    assert "Domain" not in before
    assert before.partition(";")[0] != f"__Host-session={after}"
    assert browser.heading == "My apps"


async def test_what_nobody_serves_is_told_to_people_as_a_page(browser):
    for method, path, status in (
        ("PUT", "login", 405),
        ("DELETE", "authorize", 405),
        ("GET", "elsewhere", 404),
    ):
        answer = await browser.client.request(method, f"/oauth/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert ("allow" in answer.headers) == (status == 405)
        assert pages.faults(answer.text) == []


async def test_without_https_the_cookie_does_without_what_needs_it(visiting):
    async with visiting("http://server.example") as opened:
        browser = opened()
        await browser.open("/oauth/login")
        cookie = browser.page.headers["set-cookie"]
        assert cookie.startswith("session=")
        assert "Secure" not in cookie
        await browser.log_in("ada")
        assert browser.heading == "My apps"


@pytest.mark.item("smart-A10")
async def test_a_form_that_another_site_filled_in_does_nothing(browser):
    await browser.ask()
    await browser.log_in("ada")
    consent, other = browser.page, browser.another()
    await other.open("/oauth/login")
    for token in ("", "x", dict(pages.form(other.page.text, "login"))["token"]):
        browser.page = consent
        await browser.allow(token=token)
        assert browser.page.status_code == 403
        assert "www-authenticate" not in browser.page.headers
    browser.page = consent
    await browser.allow()
    assert "code" in browser.answer


@pytest.mark.item("smart-A10")
async def test_nobody_is_logged_in_by_another_site(browser):
    response = await browser.client.post("/oauth/login", data={"name": "ada", "password": WORDS})
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


@pytest.mark.item("smart-A10")
async def test_after_a_password_was_sent_a_browser_goes_on_by_get(browser):
    await browser.open("/oauth/login")
    fields = dict(pages.form(browser.page.text, "login")) | {"name": "ada", "password": WORDS}
    response = await browser.client.post("/oauth/login", data=fields)
    assert (response.status_code, response.headers["location"]) == (303, "apps")
    assert response.headers["cache-control"] == "no-store"


async def test_a_new_user_chooses_a_password_before_anything_else(browser, newcomer):
    made = await newcomer("newcomer")
    await browser.ask()
    await browser.log_in("newcomer", made["one_time_password"])
    assert (browser.place, browser.heading) == ("/oauth/password", "Choose a password")
    assert pages.faults(browser.page.text) == []
    assert "form-action 'self' https://app.example" in browser.page.headers["content-security-policy"]
    choose = browser.page
    await browser.open("/oauth/apps")
    assert browser.place == "/oauth/password"
    await browser.ask()
    assert browser.heading == "Log in"
    for old, new, again, field in (
        ("wrong", WORDS, WORDS, "old"),
        (made["one_time_password"], "short", "short", "new"),
        (made["one_time_password"], WORDS, f"{WORDS}s", "again"),
    ):
        browser.page = choose
        await browser.send("password", old=old, new=new, again=again)
        assert browser.page.status_code == 422
        assert f'href="#{field}"' in browser.page.text
    browser.page = choose
    await browser.send("password", old=made["one_time_password"], new=WORDS, again=WORDS)
    assert browser.place == "/oauth/consent"
    shown = (await browser.administer("GET", "users/newcomer")).json()
    assert shown["one_time_password_until"] is None


@pytest.mark.item("smart-1.9-throttle")
async def test_after_five_wrong_passwords_a_name_waits_in_every_worker_whether_or_not_it_is_known(visiting):
    async with visiting() as opened, visiting() as elsewhere:
        for name in ("boss", "nobody-here"):
            for place in (opened, opened, elsewhere, opened, opened):
                browser = place()
                await browser.open("/oauth/login")
                await browser.log_in(name, "wrong")
                assert browser.page.status_code == 403
            browser = elsewhere()
            await browser.open("/oauth/login")
            await browser.log_in(name)
            assert browser.page.status_code == 429
            assert 1 <= int(browser.page.headers["retry-after"]) <= 31
            assert pages.faults(browser.page.text) == []
        await browser.administer("POST", "users/boss/enable")
        browser = opened()
        await browser.open("/oauth/login")
        await browser.log_in("boss")
        assert browser.heading == "My apps"


@pytest.mark.item("smart-1.9-throttle")
async def test_old_passwords_tried_on_the_page_that_changes_them_wait_too_and_are_in_the_audit(
    browser, newcomer, people_url
):
    user = await newcomer("guesser", password=WORDS)
    await browser.open("/oauth/login")
    await browser.log_in("guesser")
    await browser.open("/oauth/password")
    statuses = []
    for _ in range(6):
        await browser.send("password", old="wrong", new=f"{WORDS}s", again=f"{WORDS}s")
        statuses.append(browser.page.status_code)
    assert statuses == [422] * 5 + [429]
    assert 1 <= int(browser.page.headers["retry-after"]) <= 31
    assert pages.faults(browser.page.text) == []
    with psycopg.connect(people_url) as connection:
        kept = connection.execute(
            "SELECT detail ->> 'reason' FROM audit WHERE action = 'login' AND subject = %s AND outcome = 4 ORDER BY id",
            (f"user:{user['id']}",),
        ).fetchall()
    assert [reason for (reason,) in kept] == ["refused"] * 5 + ["delayed"]


@pytest.mark.item("smart-S12")
async def test_what_lasts_while_somebody_is_logged_in_ends_with_the_logout_and_what_lasts_beyond_does_not(
    browser,
):
    await browser.open("/oauth/login")
    await browser.log_in("ada")
    held = {}
    for lasting in ("online_access", "offline_access"):
        await browser.ask(f"patient/Observation.rs {lasting}", prompt="consent")
        await browser.allow()
        held[lasting] = (await browser.tokens()).json()
    await browser.open("/oauth/apps")
    await browser.send("logout")
    assert browser.heading == "You are logged out"
    assert pages.faults(browser.page.text) == []
    await browser.open("/oauth/apps")
    assert browser.heading == "Log in"
    for lasting, status in (("online_access", 401), ("offline_access", 200)):
        assert (await browser.read("Observation", held[lasting])).status_code == status
    assert (await browser.refreshed(held["online_access"])).json()["error"] == "invalid_grant"
    assert (await browser.refreshed(held["offline_access"])).status_code == 200


@pytest.mark.item("smart-S12")
async def test_proving_oneself_again_keeps_the_session_and_what_rests_on_it(browser):
    await browser.ask("patient/Observation.rs online_access")
    await browser.log_in("ada")
    await browser.allow()
    held = (await browser.tokens()).json()
    await browser.ask("openid", prompt="login")
    assert browser.heading == "Log in"
    await browser.log_in("ada")
    assert browser.place == "/oauth/consent"
    assert (await browser.read("Observation", held)).status_code == 200
    await browser.ask("openid", prompt="login")
    await browser.log_in("bert")
    assert (await browser.read("Observation", held)).status_code == 401


async def test_a_session_ends_when_it_is_left_alone_or_lasts_too_long(visiting, people_url):
    for column in ("seen_at = seen_at - interval '31 minutes'", "ends_at = clock_timestamp()"):
        async with visiting() as opened:
            browser = opened()
            await browser.open("/oauth/login")
            await browser.log_in("ada")
            with psycopg.connect(people_url, autocommit=True) as connection:
                connection.execute(f"UPDATE login_session SET {column}")
            await browser.open("/oauth/apps")
            assert browser.heading == "Log in"


async def test_who_is_disabled_is_logged_out_and_their_apps_with_them(browser, newcomer):
    made = await newcomer("leaver", password=WORDS)
    assert made["one_time_password"] is None
    await browser.ask("patient/Observation.rs offline_access")
    await browser.log_in("leaver")
    await browser.allow()
    held = (await browser.tokens()).json()
    assert (await browser.read("Observation", held)).status_code == 200
    await browser.administer("POST", "users/leaver/disable")
    assert (await browser.read("Observation", held)).status_code == 401
    assert (await browser.refreshed(held)).json()["error"] == "invalid_grant"
    await browser.open("/oauth/apps")
    assert browser.heading == "Log in"
    await browser.log_in("leaver")
    assert browser.page.status_code == 403


@pytest.mark.item("smart-A12")
async def test_an_app_that_wants_nobody_asked_is_told_what_would_have_to_be_asked(browser):
    await browser.ask(prompt="none")
    assert browser.answer["error"] == "login_required"
    await browser.open("/oauth/login")
    await browser.log_in("ada")
    await browser.ask("patient/Observation.rs", client="other", prompt="none")
    assert browser.answer["error"] == "consent_required"
    await browser.ask("patient/Observation.rs", client="other", max_age="0", prompt="none")
    assert browser.answer["error"] == "login_required"
    await browser.ask("patient/Observation.rs", client="other")
    await browser.allow()
    await browser.ask("patient/Observation.rs", client="other", prompt="none")
    assert "code" in browser.answer
    doctor = browser.another()
    await doctor.open("/oauth/login")
    await doctor.log_in("doc")
    await doctor.ask("patient/Observation.rs", prompt="none")
    assert doctor.answer["error"] == "interaction_required"


@pytest.mark.item("smart-A12")
async def test_the_name_that_an_app_hints_at_is_filled_in(browser):
    await browser.ask(login_hint="ada")
    assert dict(pages.form(browser.page.text, "login"))["name"] == "ada"


async def test_who_agreed_is_asked_again_for_more_alone_and_where_the_app_may_be_anybody(browser):
    await browser.ask("patient/Observation.rs patient/Condition.rs", client="keeper", prompt=None)
    await browser.log_in("bert")
    await browser.send("patient", patient="p2")
    await browser.allow()
    await browser.ask("patient/Observation.rs", client="keeper", prompt=None)
    await browser.send("patient", patient="p2")
    assert "code" in browser.answer
    await browser.ask("patient/Observation.rs", client="keeper", prompt=None)
    await browser.send("patient", patient="p1")
    assert browser.place == "/oauth/consent"
    await browser.ask("patient/Observation.rs patient/Device.rs", client="keeper", prompt=None)
    await browser.send("patient", patient="p2")
    assert browser.place == "/oauth/consent"
    for _ in range(2):
        await browser.ask("openid", client="other", redirect_uri="com.example.other:/back", prompt=None)
        assert browser.place == "/oauth/consent"
        assert "com.example.other:" in browser.page.headers["content-security-policy"]
        await browser.allow()
        assert "code" in browser.answer


async def test_who_logged_in_stays_so_where_the_app_is_refused_what_it_asks(browser):
    await browser.ask("nonsense")
    await browser.log_in("ada")
    assert browser.answer["error"] == "invalid_scope"
    await browser.open("/oauth/apps")
    assert browser.place == "/oauth/apps"


async def test_logins_choices_decisions_and_logouts_are_in_the_audit_without_what_was_typed(
    browser, people_url
):
    await browser.ask(prompt="none")
    await browser.ask()
    await browser.log_in("nobody-of-that-name", "typed-in-error")
    await browser.log_in("bert", "typed-in-error")
    await browser.log_in("bert")
    await browser.send("patient", patient="p2")
    await browser.allow()
    await browser.ask()
    await browser.send("patient", patient="p2")
    await browser.send("consent", decision="deny")
    await browser.open("/oauth/apps")
    await browser.send("apps")
    await browser.send("logout")
    user = (await browser.administer("GET", "users/bert")).json()["id"]
    with psycopg.connect(people_url) as connection:
        kept = connection.execute(
            "SELECT action, outcome, patient, a::text FROM audit a WHERE subject IN ('', %s) ORDER BY id",
            (f"user:{user}",),
        ).fetchall()
    assert [row[:3] for row in kept][-10:] == [
        ("authorize", 4, None),
        ("login", 4, None),
        ("login", 4, None),
        ("login", 0, None),
        ("choose", 0, None),
        ("authorize", 0, "p2"),
        ("choose", 0, None),
        ("authorize", 4, "p2"),
        ("revoke", 0, None),
        ("logout", 0, None),
    ]
    assert not any("typed-in-error" in row[3] or "nobody-of" in row[3] for row in kept)
