"""The authorization request, rule by rule, without a server."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from smart_auth.authorize import grantable, validated
from smart_auth.errors import NotAnswerable, SentBack
from tests.unit.smart_auth.memory import BACK, BACKEND, CLARA, HERE, PUBLIC, REQUEST, Memory, Resources


async def refusal(*changes, clients=None):
    """What comes back to the app for a request changed so; a change to None leaves the parameter out."""
    asked = dict(REQUEST) | dict(changes)
    memory = Memory()
    memory.clients |= {each.id: each for each in clients or ()}
    with pytest.raises(SentBack) as caught:
        await validated([pair for pair in asked.items() if pair[1] is not None], memory, HERE)
    assert caught.value.location.startswith(BACK + "?")
    return dict(parse_qsl(urlsplit(caught.value.location).query, strict_parsing=True))


async def accepted(*pairs):
    return await validated([*dict(REQUEST, **dict(pairs)).items()], Memory(), HERE)


@pytest.mark.item("smart-A2")
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("response_type", "invalid_request"),
        ("scope", "invalid_scope"),
        ("aud", "invalid_request"),
        ("code_challenge", "invalid_request"),
        ("code_challenge_method", "invalid_request"),
    ],
)
async def test_without_a_parameter_that_is_needed_the_app_is_told(name, error):
    assert (await refusal((name, None)))["error"] == error


@pytest.mark.item("smart-authlib-pkce")
@pytest.mark.item("smart-A3")
@pytest.mark.parametrize("client", ["public", "secretive", "signed"])
@pytest.mark.parametrize("method", [None, "plain", "S512", ""])
async def test_every_app_sends_a_challenge_with_s256(client, method):
    told = await refusal(("client_id", client), ("code_challenge_method", method))
    assert (told["error"], told["state"]) == ("invalid_request", "a state")


@pytest.mark.item("smart-A4")
async def test_an_audience_that_is_not_this_server_gets_no_code_and_one_slash_more_is_the_same_server():
    for aud in ("https://other.example/fhir", HERE.issuer, HERE.fhir + "//", ""):
        assert (await refusal(("aud", aud)))["error"] == "invalid_request"
    assert (await refusal(("aud", HERE.fhir), ("resource", "https://other.example")))[
        "error"
    ] == "invalid_request"
    assert (await accepted(("aud", HERE.fhir + "/"))).client == PUBLIC
    assert (await accepted(("aud", HERE.fhir), ("resource", HERE.fhir))).client == PUBLIC


@pytest.mark.item("smart-A5")
@pytest.mark.parametrize("state", ["+ %2B&=#", "žluťoučký 🐎", "x" * 2048, "ž" * 1024])
async def test_the_state_comes_back_as_it_was_sent_and_cannot_be_missing(state):
    assert (await refusal(("state", state), ("response_type", "token")))["state"] == state
    assert (await refusal(("state", "")))["error"] == "invalid_request"


@pytest.mark.item("smart-A5")
@pytest.mark.parametrize("state", ["x" * 6145, "ž" * 1025])
async def test_a_state_that_no_address_holds_is_answered_to_the_person_and_not_by_an_address(state):
    with pytest.raises(NotAnswerable, match="6144"):
        await accepted(("state", state))


@pytest.mark.item("smart-A1")
async def test_a_request_too_long_for_an_address_is_sent_back_in_a_short_one():
    told = await refusal(("login_hint", "ž" * 2000))
    assert (told["error"], told["state"]) == ("invalid_request", "a state")
    assert "12000" in told["error_description"]


@pytest.mark.item("smart-A6")
@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": BACK + "?a=b"},
        {"redirect_uri": "https://APP.example/back"},
        {"redirect_uri": "https://app.example:443/back"},
        {"redirect_uri": "https://app.example@evil.example/back"},
        {"redirect_uri": None},
        {"client_id": "unknown"},
        {"client_id": None},
        {"client_id": "backend"},
        {"client_id": "disabled"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(changes):
    memory = Memory()
    memory.clients["disabled"] = replace(PUBLIC, id="disabled", disabled=True)
    asked = [pair for pair in (REQUEST | changes).items() if pair[1] is not None]
    with pytest.raises(NotAnswerable):
        await validated(asked, memory, HERE)


@pytest.mark.item("smart-A6")
@pytest.mark.parametrize(
    ("native", "uri", "may"),
    [
        (True, "http://127.0.0.1:49152/back", True),
        (True, "http://127.0.0.1/back", True),
        (True, "http://127.0.0.1:49152/other", False),
        (True, "http://127.0.0.1:49152/back#x", False),
        (True, "http://user@127.0.0.1:1/back", False),
        (True, "http://127.0.0.1.evil.example/back", False),
        (True, "https://127.0.0.1:49152/back", False),
        (True, "http://127.0.0.1:99999/back", False),
        (True, "http://127.0.0.1:49152/ba\r\nck", False),
        (True, "http://127.0.0.1:49152/back\n", False),
        (True, "\thttp://127.0.0.1:49152/back", False),
        (True, " http://127.0.0.1:49152/back", False),
        (True, "http://127.0.0.1:49152/back#", False),
        (True, "HTTP://127.0.0.1:49152/back", False),
        (True, "http://[127.0.0.1/back", False),
        (False, "http://127.0.0.1:49152/back", False),
    ],
)
def test_only_a_native_app_may_choose_the_port_of_its_loopback_address(native, uri, may):
    client = replace(PUBLIC, redirect_uris=("http://127.0.0.1/back",), native=native)
    assert client.may_redirect_to(uri) is may


@pytest.mark.item("smart-A1")
async def test_a_parameter_that_comes_twice_is_refused():
    with pytest.raises(SentBack, match="Send scope once"):
        await validated([*REQUEST.items(), ("scope", "openid")], Memory(), HERE)
    for name in ("client_id", "redirect_uri"):
        with pytest.raises(NotAnswerable):
            await validated([*REQUEST.items(), (name, REQUEST[name])], Memory(), HERE)


@pytest.mark.item("smart-A11")
async def test_every_answer_says_which_server_gave_it():
    assert (await refusal(("scope", "")))["iss"] == HERE.issuer


@pytest.mark.item("smart-A12")
async def test_what_openid_connect_asks_about_the_login_is_understood():
    asked = await accepted(("prompt", "login consent"), ("max_age", "600"), ("login_hint", "clara"))
    assert (asked.prompt, asked.max_age, asked.login_hint, asked.nonce) == (
        {"login", "consent"},
        600,
        "clara",
        "n-1",
    )
    for name, value in (
        ("prompt", "none login"),
        ("prompt", "create"),
        ("max_age", "-1"),
        ("max_age", "soon"),
    ):
        assert (await refusal((name, value)))["error"] == "invalid_request"


@pytest.mark.item("smart-A1")
async def test_a_parameter_without_a_value_was_not_sent():
    names = ("launch", "prompt", "max_age", "login_hint", "resource", "response_mode", "request")
    assert await accepted(*((name, "") for name in names)) == await accepted()


@pytest.mark.item("smart-L2")
async def test_the_scope_launch_and_the_handle_of_a_launch_go_together():
    assert (await refusal(("scope", "launch patient/*.rs")))["error"] == "invalid_request"
    assert (await refusal(("launch", "a-handle")))["error"] == "invalid_request"
    assert (await accepted(("scope", "launch"), ("launch", "a-handle"))).launch == "a-handle"


@pytest.mark.item("smart-S9")
async def test_an_app_for_people_cannot_ask_for_the_whole_system():
    assert (await refusal(("scope", "openid system/*.rs")))["error"] == "invalid_scope"
    assert BACKEND.backend


@pytest.mark.item("smart-A9")
async def test_scopes_of_a_patient_need_one_and_are_not_granted_without():
    asked = await accepted(("scope", "patient/*.rs user/*.rs openid"))
    assert asked.wants_patient
    assert grantable(asked, CLARA, Resources()) == ("patient/*.rs", "user/*.rs", "openid")
    assert grantable(asked, CLARA, Resources(), patient=False) == ("user/*.rs", "openid")


@pytest.mark.item("smart-1.9-grants")
@pytest.mark.parametrize("kind", ["token", "id_token", "code token", "password"])
async def test_there_is_no_way_to_tokens_but_by_a_code(kind):
    assert (await refusal(("response_type", kind)))["error"] == "unsupported_response_type"


async def test_a_request_object_is_refused_by_its_own_error():
    assert (await refusal(("request", "e30.e30.")))["error"] == "request_not_supported"
    assert (await refusal(("request_uri", "https://app.example/r")))["error"] == "request_uri_not_supported"
    assert (await refusal(("response_mode", "fragment")))["error"] == "invalid_request"
