"""Refresh tokens exchanged, without a server."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from smart_auth.oauth.kept import Lives
from smart_auth.person import Person
from tests.unit.smart_auth.memory import CLARA, NOW, Memory, basic


@pytest.mark.item("smart-R2")
@pytest.mark.item("smart-L6")
async def test_without_scopes_everything_comes_again_with_the_context():
    memory = Memory()
    first = await memory.tokens(encounter="e1", context={"intent": "x"})
    status, second = await memory.refresh(first["refresh_token"])
    assert status == 200
    same = ("scope", "expires_in", "token_type", "patient", "encounter", "intent")
    assert [second[name] for name in same] == [first[name] for name in same]
    assert second["access_token"] != first["access_token"]


@pytest.mark.item("smart-authlib-refresh-scope")
@pytest.mark.item("smart-R2")
async def test_fewer_scopes_may_be_asked_for_and_the_next_time_all_of_them():
    memory = Memory()
    first = await memory.tokens()
    _, second = await memory.refresh(first["refresh_token"], scope="patient/Observation.r")
    assert second["scope"] == "patient/Observation.r"
    _, third = await memory.refresh(second["refresh_token"])
    assert third["scope"] == first["scope"]


@pytest.mark.item("smart-R2")
@pytest.mark.parametrize("scope", ["patient/*.cruds", "user/*.rs", "patient/*.rs launch", "nonsense"])
async def test_more_scopes_are_refused_and_the_token_is_not_spent(scope):
    memory = Memory()
    first = await memory.tokens()
    status, body = await memory.refresh(first["refresh_token"], scope=scope)
    assert (status, body["error"]) == (400, "invalid_scope")
    assert (await memory.refresh(first["refresh_token"]))[0] == 200


@pytest.mark.item("smart-R1")
async def test_a_refresh_token_is_good_for_its_own_app_alone_which_proves_itself_again():
    memory = Memory()
    first = await memory.tokens("secretive")
    token = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert (await memory.token(token | {"client_id": "public"}))[1]["error"] == "invalid_grant"
    assert (await memory.token(token | {"client_id": "secretive"}))[1]["error"] == "invalid_client"
    assert (await memory.token(token, basic("secretive")))[0] == 200


@pytest.mark.item("smart-R1")
async def test_a_public_app_need_not_name_itself_with_its_refresh_token_and_any_other_must_prove_itself():
    memory = Memory()
    public, secretive = await memory.tokens(), await memory.tokens("secretive")
    asked = [
        {"grant_type": "refresh_token", "refresh_token": token}
        for token in (public["refresh_token"], secretive["refresh_token"], "fhir-rt-nobody's")
    ]
    answers = [await memory.token(form) for form in asked]
    assert [(status, body.get("error")) for status, body in answers] == [
        (200, None),
        (401, "invalid_client"),
        (400, "invalid_grant"),
    ]


@pytest.mark.item("smart-authlib-refresh")
@pytest.mark.item("smart-R3")
async def test_a_refresh_token_that_comes_again_ends_the_whole_family():
    memory = Memory()
    first = await memory.tokens()
    _, second = await memory.refresh(first["refresh_token"])
    memory.now = NOW + timedelta(minutes=1)
    _, third = await memory.refresh(second["refresh_token"])
    assert (await memory.refresh(first["refresh_token"]))[1]["error"] == "invalid_grant"
    assert (await memory.refresh(third["refresh_token"]))[1]["error"] == "invalid_grant"
    assert not await memory.is_active(third["access_token"])


@pytest.mark.item("smart-R3")
async def test_within_the_grace_a_lost_answer_is_given_again_and_after_it_everything_ends():
    memory = Memory()
    first = await memory.tokens()
    _, lost = await memory.refresh(first["refresh_token"])
    memory.now = NOW + timedelta(seconds=9)
    status, again = await memory.refresh(first["refresh_token"])
    assert (status, again["refresh_token"] == lost["refresh_token"]) == (200, False)
    memory.now = NOW + timedelta(seconds=10)
    assert (await memory.refresh(first["refresh_token"]))[1]["error"] == "invalid_grant"
    assert not await memory.is_active(again["access_token"])


@pytest.mark.item("smart-R3")
async def test_within_the_grace_too_it_ends_everything_once_its_successor_was_used():
    memory = Memory()
    first = await memory.tokens()
    _, second = await memory.refresh(first["refresh_token"])
    memory.now = NOW + timedelta(seconds=1)
    _, third = await memory.refresh(second["refresh_token"])
    assert (await memory.refresh(first["refresh_token"]))[1]["error"] == "invalid_grant"
    assert not await memory.is_active(third["access_token"])


@pytest.mark.item("smart-R3")
async def test_another_app_gains_nothing_by_the_grace_and_ends_nothing():
    memory = Memory()
    first = await memory.tokens("secretive")
    _, second = await memory.refresh(first["refresh_token"], "secretive")
    assert (await memory.refresh(first["refresh_token"]))[1]["error"] == "invalid_grant"
    assert await memory.is_active(second["refresh_token"])


@pytest.mark.item("smart-R4")
async def test_of_the_answers_to_two_at_once_the_one_that_is_used_first_spends_the_other():
    memory = Memory()
    first = await memory.tokens()
    answers = await asyncio.gather(*[memory.refresh(first["refresh_token"]) for _ in range(2)])
    assert [status for status, _ in answers] == [200, 200]
    (_, used), (_, other) = answers
    memory.now = NOW + timedelta(seconds=60)
    _, newest = await memory.refresh(used["refresh_token"])
    assert not await memory.is_active(other["refresh_token"])
    memory.now = NOW + timedelta(seconds=120)
    assert (await memory.refresh(other["refresh_token"]))[1]["error"] == "invalid_grant"
    assert not await memory.is_active(newest["refresh_token"])


@pytest.mark.item("smart-R4")
async def test_without_a_grace_two_at_once_end_everything():
    memory = Memory(lives=Lives(grace=timedelta(0)))
    first = await memory.tokens()
    answers = await asyncio.gather(*[memory.refresh(first["refresh_token"]) for _ in range(2)])
    assert sorted(status for status, _ in answers) == [200, 400]
    won = next(body for status, body in answers if status == 200)
    assert not await memory.is_active(won["refresh_token"])


@pytest.mark.item("smart-R4")
async def test_without_a_grace_a_request_that_began_first_and_is_late_ends_everything():
    memory = Memory(lives=Lives(grace=timedelta(0)))
    first = await memory.tokens()
    memory.now = NOW + timedelta(seconds=1)
    _, won = await memory.refresh(first["refresh_token"])
    memory.now = NOW
    assert (await memory.refresh(first["refresh_token"]))[1]["error"] == "invalid_grant"
    assert not await memory.is_active(won["refresh_token"])


@pytest.mark.item("smart-R5")
@pytest.mark.parametrize("change", ["person", "proxy", "client", "grant", "registration"])
async def test_rights_are_looked_at_anew(change):
    memory = Memory()
    parent = Person("clara", "patient", "RelatedPerson/r1", frozenset({"p1"}))
    memory.people["clara"] = parent
    first = await memory.tokens(person=parent)
    match change:
        case "person":
            memory.people.clear()
        case "proxy":
            memory.people["clara"] = replace(parent, proxies=frozenset({"p2"}))
        case "client":
            memory.clients["public"] = replace(memory.clients["public"], disabled=True)
        case "grant":
            await memory.grants.revoke(next(iter(memory.grants.grants)), NOW)
        case "registration":
            memory.clients["public"] = replace(memory.clients["public"], scopes=())
    status, body = await memory.refresh(first["refresh_token"])
    assert (status, body["error"]) == (400, "invalid_grant")


@pytest.mark.item("smart-R5")
async def test_a_practitioner_who_no_longer_treats_the_patient_renews_nothing():
    memory = Memory()
    first = await memory.tokens()
    memory.in_care = frozenset()
    status, body = await memory.refresh(first["refresh_token"])
    assert (status, body["error"]) == (400, "invalid_grant")


@pytest.mark.item("smart-S7")
async def test_a_registration_that_was_cut_down_cuts_down_what_is_renewed():
    memory = Memory()
    first = await memory.tokens()
    memory.clients["public"] = replace(
        memory.clients["public"], scopes=("patient/Observation.rs", "offline_access")
    )
    _, second = await memory.refresh(first["refresh_token"])
    assert second["scope"] == "offline_access patient/Observation.rs"


@pytest.mark.item("smart-R5")
async def test_an_app_that_may_no_longer_last_renews_nothing():
    memory = Memory()
    first = await memory.tokens()
    memory.clients["public"] = replace(memory.clients["public"], scopes=("patient/*.rs",))
    status, body = await memory.refresh(first["refresh_token"])
    assert (status, body["error"]) == (400, "invalid_grant")


async def test_a_refresh_token_ends_when_it_is_not_used_and_lives_on_when_it_is():
    memory = Memory(lives=Lives(refresh=timedelta(days=2)))
    first = await memory.tokens()
    memory.now = NOW + timedelta(days=1)
    _, second = await memory.refresh(first["refresh_token"])
    memory.now = NOW + timedelta(days=2, hours=23)
    _, third = await memory.refresh(second["refresh_token"])
    memory.now = NOW + timedelta(days=5)
    assert (await memory.refresh(third["refresh_token"]))[1]["error"] == "invalid_grant"


async def test_an_access_token_is_no_refresh_token():
    memory = Memory()
    first = await memory.tokens()
    assert (await memory.refresh(first["access_token"]))[1]["error"] == "invalid_grant"
    assert memory.people["clara"] == CLARA
