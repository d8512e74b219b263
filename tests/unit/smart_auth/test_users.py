"""Who may have an account, whom they reach, and how they log in."""

from dataclasses import replace
from datetime import timedelta

import pytest

from smart_auth.login import LoginDelayed, LoginRefused, choose_password, login
from smart_auth.passwords import PasswordUnfit
from smart_auth.principal import CareOf, Everything, Patients
from smart_auth.users import (
    NameTaken,
    NewUser,
    UserMissing,
    UserRefused,
    add,
    describe,
    disable,
    enable,
    reset,
)
from tests.unit.smart_auth.people import NOW, Fast, KeptAccounts

THERE = ("Practitioner/d1", "Patient/p1", "Patient/p2", "RelatedPerson/r1", "Organization/o1")
WORDS = "tiger lamp seven boat"
LATER = NOW + timedelta(days=8)


async def added(new, password=WORDS, accounts=None):
    accounts = accounts or KeptAccounts(*THERE)
    user, made = await add(accounts, Fast(), new, NOW, password)
    return accounts, user, made


@pytest.mark.parametrize(
    ("new", "reach"),
    [
        (NewUser("a", "practitioner", fhir_user="Practitioner/d1"), Everything()),
        (NewUser("a", "admin", fhir_user="Practitioner/d1"), Everything()),
        (NewUser("a", "admin"), None),
        (NewUser("a", "patient", fhir_user="Patient/p1"), Patients(frozenset({"p1"}))),
        (NewUser("a", "patient", fhir_user="Patient/p1", proxies=("p2",)), Patients(frozenset({"p1", "p2"}))),
        (
            NewUser("a", "patient", fhir_user="RelatedPerson/r1", proxies=("Patient/p2",)),
            Patients(frozenset({"p2"})),
        ),
    ],
)
async def test_a_user_reaches_whom_their_role_and_their_record_say(new, reach):
    _, user, _ = await added(new)
    assert user.reach("all") == reach


async def test_a_practitioner_may_be_held_to_those_in_their_care():
    _, user, _ = await added(NewUser("a", "practitioner", fhir_user="Practitioner/d1", organizations=("o1",)))
    assert user.reach("own") == CareOf("d1", frozenset({"o1"}))


@pytest.mark.parametrize(
    ("new", "member"),
    [
        (NewUser("a b", "admin"), "name"),
        (NewUser("-a", "admin"), "name"),
        (NewUser("a", "root"), "role"),
        (NewUser("a", "patient"), "fhir_user"),
        (NewUser("a", "practitioner"), "fhir_user"),
        (NewUser("a", "practitioner", fhir_user="Patient/p1"), "fhir_user"),
        (NewUser("a", "patient", fhir_user="Practitioner/d1"), "fhir_user"),
        (NewUser("a", "patient", fhir_user="Patient/gone"), "fhir_user"),
        (NewUser("a", "patient", fhir_user="Patient/p1/x"), "fhir_user"),
        (NewUser("a", "patient", fhir_user="Patient/p1", proxies=("gone",)), "proxies"),
        (NewUser("a", "patient", fhir_user="RelatedPerson/r1"), "proxies"),
        (NewUser("a", "practitioner", fhir_user="Practitioner/d1", proxies=("p1",)), "proxies"),
        (NewUser("a", "patient", fhir_user="Patient/p1", organizations=("o1",)), "organizations"),
    ],
)
async def test_a_user_who_cannot_be_is_refused_by_the_member_that_is_wrong(new, member):
    with pytest.raises(UserRefused) as refusal:
        await added(new)
    assert refusal.value.member == member


async def test_names_are_of_small_letters_and_taken_once():
    accounts, user, _ = await added(NewUser("Anna", "admin"))
    assert user.name == "anna"
    with pytest.raises(NameTaken):
        await added(NewUser("ANNA", "admin"), accounts=accounts)


async def test_a_new_user_logs_in_with_a_one_time_password_for_a_week():
    accounts, user, made = await added(NewUser("anna", "admin"), password=None)
    assert (await login(accounts, Fast(), " Anna ", made, NOW)).password_until == NOW + timedelta(days=7)
    with pytest.raises(LoginRefused):
        await login(accounts, Fast(), "anna", made, LATER)
    await choose_password(accounts, Fast(), user, made, WORDS, NOW)
    assert (await login(accounts, Fast(), "anna", WORDS, LATER)).password_until is None


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [("wrong", WORDS + "s", LoginRefused), (WORDS, "short", PasswordUnfit), (WORDS, WORDS, PasswordUnfit)],
)
async def test_a_password_is_changed_by_who_knows_the_old_one_to_another_that_is_fit(old, new, error):
    accounts, user, _ = await added(NewUser("anna", "admin"))
    with pytest.raises(error):
        await choose_password(accounts, Fast(), user, old, new, NOW)
    assert (await login(accounts, Fast(), "anna", WORDS, NOW)).name == "anna"


@pytest.mark.item("smart-1.9-throttle")
@pytest.mark.parametrize("name", ["anna", "nobody"])
async def test_known_and_unknown_names_are_refused_and_delayed_alike(name):
    accounts, _, _ = await added(NewUser("anna", "admin"))
    said = []
    for _ in range(6):
        with pytest.raises((LoginRefused, LoginDelayed)) as refusal:
            await login(accounts, Fast(), name, "wrong", NOW)
        said.append(str(refusal.value))
    assert said == ["The user name or the password is wrong."] * 5 + [
        "Too many passwords were tried for this name."
    ]


async def test_while_a_name_is_delayed_the_right_password_does_not_help_and_before_it_forgets_the_wrong_ones():
    accounts, _, _ = await added(NewUser("anna", "admin"))
    for _ in range(4):
        with pytest.raises(LoginRefused):
            await login(accounts, Fast(), "anna", "wrong", NOW)
    await login(accounts, Fast(), "anna", WORDS, NOW)
    assert accounts.attempts == {}
    accounts.attempts["anna"] = 5
    with pytest.raises(LoginDelayed):
        await login(accounts, Fast(), "anna", WORDS, NOW)


async def test_a_disabled_user_is_refused_as_if_unknown_until_enabled():
    accounts, _, _ = await added(NewUser("anna", "admin"))
    first = await disable(accounts, "anna", NOW)
    assert (await disable(accounts, "anna", LATER)).disabled_at == first.disabled_at == NOW
    with pytest.raises(LoginRefused):
        await login(accounts, Fast(), "anna", WORDS, NOW)
    await enable(accounts, "anna")
    assert (await login(accounts, Fast(), "anna", WORDS, NOW)).disabled_at is None


async def test_a_reset_ends_the_old_password_and_any_delay():
    accounts, _, _ = await added(NewUser("anna", "admin"))
    accounts.attempts["anna"] = 9
    user, made = await reset(accounts, Fast(), "anna", NOW)
    with pytest.raises(LoginRefused):
        await login(accounts, Fast(), "anna", WORDS, NOW)
    assert await login(accounts, Fast(), "anna", made, NOW) == user


async def test_a_reset_wins_over_a_password_chosen_or_hashed_anew_at_the_same_time():
    class Meanwhile(Fast):
        """An administrator resets the password while this one is hashed."""

        async def hashed(self, password):
            await reset(accounts, Fast(), "anna", NOW)
            return await super().hashed(password)

        def is_outdated(self, kept):
            return True

    accounts, user, _ = await added(NewUser("anna", "admin"))
    with pytest.raises(LoginRefused):
        await choose_password(accounts, Meanwhile(), user, WORDS, WORDS + "s", NOW)
    await accounts.set_password(user, f"hash of {WORDS}", None)
    await login(accounts, Meanwhile(), "anna", WORDS, NOW)

    assert accounts.kept["anna"].user.password_until is not None
    for old in (WORDS, WORDS + "s"):
        with pytest.raises(LoginRefused):
            await login(accounts, Fast(), "anna", old, NOW)


async def test_what_is_not_said_anew_of_a_user_is_taken_away():
    accounts, user, _ = await added(NewUser("anna", "admin", auditor=True, fhir_user="Practitioner/d1"))
    changed = await describe(accounts, NewUser("anna", "admin"))
    assert changed == replace(user, auditor=False, fhir_user=None)
    assert accounts.kept["anna"].user == changed
    with pytest.raises(UserMissing):
        await describe(accounts, NewUser("nobody\x00", "admin"))
