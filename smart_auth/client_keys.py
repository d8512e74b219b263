"""The public keys of clients that sign: registered with them, or published at an address of theirs.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from smart_auth.clients import Client
from smart_auth.errors import FetchFailed
from smart_auth.ports import Fetch, Fetched

Jwk: TypeAlias = Mapping[str, object]

KEEP_SECONDS: Final = 300
"""How long a set is kept whose publisher says nothing, and the longest it is kept whatever they say."""
FETCHES: Final = 12
PER_SECONDS: Final = 60.0
_MOST_SETS: Final = 1_000


class KeyMissing(Exception):
    """There is no such key, or there are several; the text says so without naming what was asked of whom."""


@dataclass(slots=True)
class _Published:
    """What was last fetched from one address, or why it was not, and when it was asked.

    Who waits while it is asked takes that answer (`answers` have come), so that a slow publisher is asked once by all.
    """

    keys: Sequence[Jwk] = ()
    until: float = 0.0
    failure: str | None = None
    answers: int = 0
    asked_at: deque[float] = field(default_factory=lambda: deque(maxlen=FETCHES))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClientKeys:
    """Finds the one key of a client that an assertion names; fetched sets are kept for as long as they may be."""

    def __init__(self, fetch: Fetch, seconds: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._published: dict[str, _Published] = {}

    async def key(self, client: Client, kid: str, kty: str) -> Jwk:
        """The client's key with this id and of this type. Raises KeyMissing when there is not exactly one."""
        if client.jwks_uri is None:
            return _only(_keys(client.jwks or {}), kid, kty)
        published = self._kept(client.jwks_uri)
        if self._seconds() < published.until:
            try:
                return _only(published.keys, kid, kty)
            except KeyMissing:
                pass  # a new key may have been published since
        answers = published.answers
        async with published.lock:
            if published.answers == answers:
                await self._renew(client.jwks_uri, published)
            if published.failure is not None:
                raise KeyMissing(published.failure)
            return _only(published.keys, kid, kty)

    def _kept(self, url: str) -> _Published:
        if url not in self._published and len(self._published) >= _MOST_SETS:
            del self._published[next(iter(self._published))]
        return self._published.setdefault(url, _Published())

    async def _renew(self, url: str, published: _Published) -> None:
        """Nothing; the set or the failure is kept. Raises KeyMissing when it was asked for too often of late."""
        now = self._seconds()
        if len(published.asked_at) == FETCHES and now - published.asked_at[0] < PER_SECONDS:
            raise KeyMissing("The keys at jwks_uri were asked for too often. Try again in a minute.")
        published.asked_at.append(now)
        try:
            fetched = await self._fetch.json(url)
            published.keys = _keys(_parsed(fetched))
        except FetchFailed as error:
            published.failure = f"The keys at jwks_uri cannot be read: {error}"
            return
        else:
            published.failure = None
        finally:
            published.answers += 1
        keep = KEEP_SECONDS if fetched.max_age is None else min(fetched.max_age, KEEP_SECONDS)
        published.until = now + keep


def _parsed(fetched: Fetched) -> Mapping[str, object]:
    try:
        tree = json.loads(fetched.body)
    except (ValueError, RecursionError) as error:
        raise FetchFailed("it is no JSON.") from error
    if not isinstance(tree, dict):
        raise FetchFailed("it is no JSON object.")
    return tree


def _keys(jwks: Mapping[str, object]) -> Sequence[Jwk]:
    keys = jwks.get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _only(keys: Sequence[Jwk], kid: str, kty: str) -> Jwk:
    found = [key for key in keys if key.get("kid") == kid and key.get("kty") == kty]
    if len(found) != 1:
        raise KeyMissing(
            f"{'No key' if not found else 'More than one key'} of the client has this kid and type."
        )
    return found[0]
