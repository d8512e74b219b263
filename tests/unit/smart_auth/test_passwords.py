"""Which passwords are taken, and how they are held against what is kept."""

import pytest

from smart_auth.passwords import NOBODYS, Passwords, PasswordUnfit, check, one_time


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "tiger lamp seven boat", "x7#kQ9!mZ2&p"]
)
def test_a_password_that_nobody_guesses_is_taken(password):
    check(password, "anna.smith")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("kQ9!mZ2&pX1", "fewer than 12"),
        ("", "fewer than 12"),
        ("x" * 201, "more than 200"),
        ("tiger lamp\x00seven", "cannot be seen"),
        ("password1234", "guessed first"),
        ("Passwort2026!!!", "guessed first"),
        ("aaaaaaaaaaaaaaa", "guessed first"),
        ("Anna.Smith.anna.smith", "guessed first"),
        ("qwertyuiop123", "guessed first"),
        ("121212121212", "guessed first"),
    ],
)
def test_a_password_that_is_guessed_is_refused_with_the_reason(password, why):
    with pytest.raises(PasswordUnfit, match=why):
        check(password, "anna.smith")


async def test_a_password_is_right_for_its_own_hash_however_its_letters_are_composed():
    passwords = Passwords()
    kept = await passwords.hashed("caf\u00e9 tiger lamp")
    assert "tiger" not in kept
    assert await passwords.is_right("cafe\u0301 tiger lamp", kept)
    assert not await passwords.is_right("cafe tiger lamp", kept)
    assert not passwords.is_outdated(kept)


async def test_where_there_is_no_account_a_password_takes_as_much_effort_and_is_wrong():
    passwords = Passwords()
    assert not passwords.is_outdated(NOBODYS)
    assert not await passwords.is_right("", None)


def test_one_time_passwords_differ_and_would_be_taken():
    made = {one_time() for _ in range(20)}
    assert len(made) == 20
    for each in made:
        check(each, "anna")
