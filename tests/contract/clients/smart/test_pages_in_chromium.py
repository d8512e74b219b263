"""Our pages in Chromium: for the keyboard alone, and held to what axe-core checks.

https://www.w3.org/TR/WCAG22/
"""

import pytest

from tests.contract.clients.smart.conftest import WORDS

pytestmark = pytest.mark.xdist_group("clients")


@pytest.mark.item("smart-A10")
def test_who_has_a_keyboard_alone_logs_in_picks_and_allows(chromium):
    seen = chromium.do("by keyboard", name="smart-doc", password=WORDS, pick="Lovelace")
    assert (seen["family"], seen["values"]) == ("Lovelace", [61, 60])


@pytest.mark.item("smart-A10")
def test_no_page_shuts_anybody_out(chromium, operator):
    once = operator.user("smart-new")["one_time_password"]
    found = chromium.do("looked", name="smart-new", once=once, password=WORDS, pick="Lovelace")
    assert list(found) == [
        "The app’s request cannot be answered",
        "Log in",
        "Log in, again",
        "Choose a password",
        "Choose a patient",
        "Choose a visit",
        "Let Chart use health records?",
        "My apps",
        "You are logged out",
    ]
    assert {page: faults for page, faults in found.items() if faults} == {}
