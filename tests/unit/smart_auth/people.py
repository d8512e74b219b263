"""Accounts kept in memory, for tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from smart_auth.users import Account, NameTaken

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Fast:
    """Passwords that are their own hashes."""

    async def hashed(self, password):
        return f"hash of {password}"

    async def is_right(self, password, kept):
        return kept == f"hash of {password}"

    def is_outdated(self, kept):
        return False


class KeptAccounts:
    """Implements `smart_auth.users.Accounts`; after `free` attempts a name waits for a minute."""

    def __init__(self, *there, free=5):
        self.there = set(there)
        self.kept = {}
        self.attempts = {}
        self.free = free

    async def add(self, user, password):
        if user.name in self.kept:
            raise NameTaken
        made = replace(user, id=f"id-of-{user.name}", made_at=NOW)
        self.kept[user.name] = Account(made, password)
        return made

    async def find(self, name):
        return self.kept.get(name)

    async def change(self, user):
        kept = self.kept[user.name]
        self.kept[user.name] = replace(kept, user=replace(user, disabled_at=kept.user.disabled_at))

    async def switch(self, user, disabled_at):
        kept = self.kept[user.name]
        self.kept[user.name] = replace(kept, user=replace(kept.user, disabled_at=disabled_at))

    async def set_password(self, user, password, until):
        self.kept[user.name] = Account(replace(user, password_until=until), password)

    async def choose(self, user, was, password):
        if self.kept[user.name].password != was:
            return False
        await self.set_password(user, password, None)
        return True

    async def rehash(self, user, was, password):
        kept = self.kept[user.name]
        if kept.password == was:
            self.kept[user.name] = replace(kept, password=password)

    async def is_there(self, type, id):
        return f"{type}/{id}" in self.there

    async def attempt(self, name):
        self.attempts[name] = self.attempts.get(name, 0) + 1
        return timedelta(minutes=1) if self.attempts[name] > self.free else None

    async def succeeded(self, name):
        self.attempts.pop(name, None)
