"""What no browser would send on purpose: pages refuse it and stay."""

from urllib.parse import urlencode

import pytest

from tests import pages
from tests.integration.rest.people.conftest import FORM, OPERATOR, asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

BAD = (
    "%zz",
    "%00",
    "%ff",
    "%F0%9F%98%80",
    "x" * 9000,
    "'%22--",
    "%ED%A0%80",
    "a=%0d%0aSet-Cookie:x=y",
    "&&==&",
)


async def test_pages_refuse_what_cannot_be_read_and_send_nobody_elsewhere(browser):
    await browser.ask()
    await browser.log_in("ada")
    token = dict(pages.form(browser.page.text, "consent"))["token"]
    for bad in BAD:
        for path in ("authorize", "login", "password", "patient", "encounter", "consent", "apps"):
            shown = await browser.client.get(f"/oauth/{path}?{bad}&request={bad}&client_id={bad}")
            body = f"token={token}&request={bad}&name={bad}&password={bad}&next={bad}&old={bad}&client={bad}"
            sent = await browser.client.post(f"/oauth/{path}", content=body, headers=FORM)
            for answer in (shown, sent):
                assert answer.status_code < 500, (path, bad, answer.text)
                assert not answer.headers.get("location", "").startswith(("http", "/", "\\")), (path, bad)
                assert answer.headers.get("content-security-policy", "").startswith("default-src 'none'")


@pytest.mark.parametrize("host", ["\u4f8b.example", "[::", "a\u2100b", "x;script-src *", ""])
async def test_a_login_that_was_led_to_by_hand_names_no_address_that_cannot_be_an_apps(browser, host):
    await browser.open("/oauth/login")
    following = urlencode({"redirect_uri": f"https://{host}/"})
    refused = await browser.send("login", name="nobody-" + host[:1], password="x", next=following)
    assert refused.status_code == 403
    assert " script-src" not in refused.headers["content-security-policy"]


async def test_a_body_that_is_no_form_or_too_large_or_says_a_thing_twice_is_a_page(browser):
    await browser.open("/oauth/login")
    token = dict(pages.form(browser.page.text, "login"))["token"]
    for body, headers, status in (
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"x" * 40_000, FORM, 413),
        (f"token={token}&name=ada&name=bert&password=x".encode(), FORM, 400),
        (f"token={token}&token={token}".encode(), FORM, 400),
    ):
        response = await browser.client.post("/oauth/login", content=body, headers=headers)
        assert response.status_code == status
        assert pages.faults(response.text) == []


async def test_a_cookie_that_was_never_given_is_nobodys(browser):
    for cookie in ("x", "'", "a" * 43, "é", "a" * 5000):
        headers = [(b"cookie", f"__Host-session={cookie}".encode())]
        response = await browser.client.get("/oauth/apps", headers=headers)
        assert (response.status_code, response.headers["location"]) == (303, "login")


async def test_an_app_cannot_bring_markup_or_a_policy_of_its_own_into_the_page(browser):
    nasty = '"><script>alert(1)</script>; script-src *'
    response = await browser.client.get("/oauth/authorize", params=asked(login_hint=nasty, state=nasty))
    assert response.status_code == 200
    assert pages.faults(response.text) == []
    assert "script" not in response.headers["content-security-policy"]


async def test_a_launch_keeps_whatever_else_json_can_say(browser):
    for extra in (1.5, 10**40, True, None, [{}], {"deep": {"er": 1e-9}}):
        said = {
            "client_id": "app",
            "user": "doc",
            "fhirContext": [{"reference": "ImagingStudy/1", "__x": extra}],
        }
        response = await browser.client.post(
            "/api/launches", json=said, headers=OPERATOR | {"Content-Type": "application/json"}
        )
        assert response.status_code in {201, 400}, response.text
