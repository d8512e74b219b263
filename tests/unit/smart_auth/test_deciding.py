"""What a person is asked when an app asks, and what remains of it."""

from datetime import timedelta

import pytest

from smart_auth.authorize import AuthorizeRequest
from smart_auth.clients import Client
from smart_auth.deciding import asks_for_something, chosen, is_settled, must_log_in
from smart_auth.sessions import Session, form_token, is_form_token, new_secret
from smart_auth.users import User
from tests.unit.smart_auth.people import NOW

SESSION = Session("s", User("1", "anna", "patient"), NOW - timedelta(minutes=10))
PUBLIC = Client("app", "App", "none", ())
SECRET = Client("app", "App", "client_secret_basic", ())
ASKED = ("openid", "fhirUser", "launch/patient", "patient/Observation.rs", "patient/*.cruds")


def request(client=PUBLIC, uri="https://app.example/back", **said):
    return AuthorizeRequest(client, uri, "state", ASKED, "challenge", **said)


@pytest.mark.item("smart-A12")
@pytest.mark.parametrize(
    ("session", "said", "must"),
    [
        (None, {}, True),
        (SESSION, {}, False),
        (SESSION, {"prompt": frozenset({"login"})}, True),
        (SESSION, {"prompt": frozenset({"select_account"})}, True),
        (SESSION, {"prompt": frozenset({"consent"})}, False),
        (SESSION, {"max_age": 599}, True),
        (SESSION, {"max_age": 0}, True),
        (SESSION, {"max_age": 601}, False),
    ],
)
def test_who_is_logged_in_logs_in_again_where_the_app_demands_it(session, said, must):
    assert must_log_in(request(**said), session, NOW) is must


@pytest.mark.parametrize(
    ("asked", "agreed", "settled"),
    [
        (request(), ASKED, True),
        (request(), ASKED[:-1], False),
        (request(prompt=frozenset({"consent"})), ASKED, False),
        (request(uri="http://127.0.0.1:5000/back"), ASKED, False),
        (request(uri="com.example:/back"), ASKED, False),
        (request(SECRET, "com.example:/back"), ASKED, True),
    ],
)
def test_nobody_is_asked_again_for_what_they_granted_an_app_that_is_known_to_be_the_same(
    asked, agreed, settled
):
    assert is_settled(asked, ASKED, agreed) is settled


@pytest.mark.item("smart-S7")
@pytest.mark.parametrize(
    ("kept", "granted"),
    [
        (ASKED, ASKED),
        (("patient/Observation.rs",), ("launch/patient", "patient/Observation.rs")),
        (("openid",), ("openid", "fhirUser", "launch/patient")),
        (("user/*.cruds", "system/*.cruds"), ("launch/patient",)),
        ((), ("launch/patient",)),
    ],
)
def test_what_is_deselected_is_not_granted_and_what_was_not_asked_cannot_be_added(kept, granted):
    assert chosen(ASKED, kept) == granted


def test_a_decision_that_leaves_only_the_context_grants_nothing():
    assert not asks_for_something(chosen(ASKED, ()))
    assert asks_for_something(chosen(ASKED, ("openid",)))


@pytest.mark.item("smart-A10")
def test_a_form_of_another_browser_is_told_from_ones_own():
    secret = new_secret()
    assert is_form_token(form_token(secret), secret)
    assert not is_form_token(form_token(new_secret()), secret)
    assert not is_form_token("é", secret)
    assert not is_form_token(form_token(secret), None)
    assert secret not in form_token(secret)
