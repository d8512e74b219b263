"""The npm package `fhirclient`, as it comes from its makers, in Chromium: people log in and decide on our own pages."""

import pytest

from tests.contract.clients.smart.conftest import WORDS

pytestmark = pytest.mark.xdist_group("clients")

DOCTOR = {"name": "smart-doc", "password": WORDS}
ADA = {**DOCTOR, "pick": "Lovelace"}


def check_is_about_ada(seen):
    assert (seen["said"]["patient"], seen["family"], seen["user"]) == ("smart-ada", "Lovelace", "smart-doc")
    assert seen["values"] == [61, 60]
    assert seen["other"] == 404


def check_was_renewed(seen):
    assert seen["renewed"] is True
    assert seen["again"] == seen["values"]


@pytest.mark.item("smart-D2")
@pytest.mark.item("smart-T6")
@pytest.mark.item("smart-L4")
def test_a_public_app_at_another_origin_gets_the_patient_that_was_picked(chromium):
    seen = chromium.do("standalone", app="public", **ADA)
    check_is_about_ada(seen)
    check_was_renewed(seen)


@pytest.mark.item("smart-T4")
def test_an_app_on_a_server_keeps_its_secret_there_and_our_pages_need_no_script(chromium):
    seen = chromium.do("on its server", **ADA)
    check_is_about_ada(seen)
    check_was_renewed(seen)
    (cookie,) = seen["cookies"]
    assert (cookie["name"], cookie["secure"], cookie["httpOnly"]) == ("__Host-session", True, True)
    assert (cookie["sameSite"], cookie["expires"]) == ("Lax", -1)


@pytest.mark.item("smart-B2")
def test_an_app_with_a_key_signs_for_its_tokens(chromium):
    check_is_about_ada(chromium.do("standalone", app="signing", **ADA))


@pytest.mark.item("smart-L1")
@pytest.mark.item("smart-L3")
def test_an_ehr_opens_an_app_about_the_patient_on_its_screen_once(chromium, operator):
    opened = operator.launch(
        client_id="public", user="smart-doc", patient="smart-ada", intent="review", need_patient_banner=False
    )
    seen = chromium.do("launched", url=opened["url"], **DOCTOR)
    check_is_about_ada(seen)
    check_was_renewed(seen)
    assert (seen["said"]["intent"], seen["said"]["need_patient_banner"]) == ("review", False)
    assert seen["twice"].startswith("invalid_request")


@pytest.mark.item("smart-A1")
@pytest.mark.item("smart-A8")
def test_an_app_is_told_that_it_was_denied_and_may_ask_again_by_a_form_from_its_own_origin(chromium):
    seen = chromium.do("posted", **ADA)
    assert seen["denied"].startswith("access_denied")
    check_is_about_ada(seen)


@pytest.mark.item("smart-R6")
def test_what_is_taken_back_on_our_page_is_over_for_the_app(chromium):
    assert chromium.do("taken back", **ADA).startswith("401")
