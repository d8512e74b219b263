"""Passwords: which are taken, how they are kept, and whether one is right.

https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html, https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver
"""

import asyncio
import re
import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from smart_auth.errors import SmartAuthError

LEAST_CHARACTERS: Final = 12
MOST_CHARACTERS: Final = 200

_MEMORY_KIB: Final = 19_456
_ROUNDS: Final = 2
_LANES: Final = 1
_AT_ONCE: Final = 2
"""Each takes 19 MiB and a core for some 30 ms."""

NOBODYS: Final = f"$argon2id$v=19$m={_MEMORY_KIB},t={_ROUNDS},p={_LANES}${'A' * 22}${'A' * 43}"
"""What a password is held against where there is no account: as long as for one that is there, and never right."""

_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS: Final = 4
_GROUP: Final = 5

_LEAST_OF_ITS_OWN: Final = 6
_COMMONPLACE: Final = re.compile(
    "|".join(
        (
            *("password", "passwort", "passphrase", "passw0rd", "p@ssw0rd", "p@ssword", "welcome", "willkommen"),
            *("administrator", "admin", "changeme", "change", "letmein", "secret", "geheim", "default", "master"),
            *("login", "access", "superman", "batman", "princess", "football", "baseball", "dragon", "monkey"),
            *("sunshine", "iloveyou", "shadow", "trustno", "michael", "jennifer", "charlie", "starwars", "whatever"),
            *("hospital", "clinic", "doctor", "patient", "practitioner", "nurse", "health", "medical", "fhir"),
            *("server", "smart", "spring", "summer", "autumn", "winter", "january", "monday", "computer", "internet"),
            *("qwertyuiop", "qwertzuiop", "qwerty", "qwertz", "asdfghjkl", "asdfgh", "zxcvbnm", "yxcvbnm", "1q2w3e4r"),
            *("1qaz2wsx", "abcdefghijkl", "abcdef", "abc", "zaq12wsx", "q1w2e3", "azerty", "uiop", "hjkl"),
            *(r"0?1234567890?", "123456", "12345", "1234", "123", "987654321", "9876", "4321", "321"),
            *(r"(19|20)\d\d", r"(.)\2{2,}"),
        )
    )
)  # fmt: skip


class PasswordUnfit(SmartAuthError):
    """A password that is easily guessed, or cannot be read."""


class Passwords:
    """Hashes passwords and holds them against hashes, in threads, a few at once: each costs memory and time on purpose."""

    __slots__ = ("_at_once", "_hasher")

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_ROUNDS, memory_cost=_MEMORY_KIB, parallelism=_LANES)
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def hashed(self, password: str) -> str:
        """The Argon2id hash of `password`, with its salt and parameters."""
        async with self._at_once:
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether `password` is the one that was hashed; as slow for None, where there is no account, and then False."""
        async with self._at_once:
            return await asyncio.to_thread(self._verified, _normal(password), kept or NOBODYS)

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with less effort than is spent today."""
        return self._hasher.check_needs_rehash(kept)

    def _verified(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def check(password: str, name: str) -> None:
    """Nothing, for a password that the user `name` may choose; raises PasswordUnfit that says why another is needed."""
    folded = _normal(password).casefold()
    if len(folded) < LEAST_CHARACTERS:
        raise PasswordUnfit(
            f"The password has fewer than {LEAST_CHARACTERS} characters. Choose a longer one, such as four or five words."
        )
    if len(password) > MOST_CHARACTERS:
        raise PasswordUnfit(f"The password has more than {MOST_CHARACTERS} characters. Choose a shorter one.")
    if not password.isprintable():
        raise PasswordUnfit("The password has a character that cannot be seen. Leave it out.")
    without_name = folded.replace(name.casefold(), "") if len(name) > 2 else folded
    if len(set(_COMMONPLACE.sub("", without_name))) < _LEAST_OF_ITS_OWN:
        raise PasswordUnfit(
            "The password is made of the user name, common words or rows of keys, which are guessed first. "
            "Choose another, such as four or five words that do not belong together."
        )


def one_time() -> str:
    """A new password for one first login, to be read aloud or typed: 99 bits, without letters that look alike."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _normal(password: str) -> str:
    """The same text for the same characters, however a keyboard composed them."""
    return unicodedata.normalize("NFKC", password)
