"""A request to one of the endpoints, read before anything looks at it, and its answer.

https://www.rfc-editor.org/rfc/rfc6749#section-3.2
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError

from smart_auth.addresses import Addresses
from smart_auth.audit import Recorder
from smart_auth.grants import Grant
from smart_auth.oauth.signed import Signed

_T = TypeVar("_T")

_ANY_ADDRESS = "https://localhost/"
"""What authlib is told: whether the way here is confidential is known by the server in front, not by an address."""


@dataclass(frozen=True, slots=True)
class Form:
    """`pairs` are the fields of the body in their order, `authorization` is that header.

    `trusted` is the subject of somebody who proved otherwise that they may ask about any token.
    """

    pairs: tuple[tuple[str, str], ...]
    authorization: str | None
    here: Addresses
    now: datetime
    recorder: Recorder
    trusted: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back: JSON, which nobody may keep."""

    status: int
    body: dict[str, object]
    headers: tuple[tuple[str, str], ...] = field(default=())


class FormRequest(OAuth2Request):
    """The request as authlib's core handles it, in a thread; whatever it needs of others it waits for on their loop."""

    def __init__(self, asked: Form, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__("POST", _ANY_ADDRESS, headers={"Authorization": asked.authorization or ""})
        self.asked = asked
        self.payload = _Fields(asked.pairs)
        self.grant: Grant | None = None
        self.signed: Signed | InvalidClientError | None = None
        self.granted: tuple[str, ...] = ()
        self._loop = loop

    @property
    def form(self) -> dict[str, str]:
        """Each field once; one without a value is as if it was not sent (RFC 6749, 3.2)."""
        return self.payload.data

    # Any: what a coroutine sends and takes is nobody's business here
    def wait(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """The result of `coroutine`, run on the loop that serves requests; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


class _Fields(OAuth2Payload):
    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            self._lists[name].append(value)
        self._single = {name: values[0] for name, values in self._lists.items() if values[0]}

    @property
    def data(self) -> dict[str, str]:
        return self._single

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists


def refuse_repeated(request: FormRequest) -> None:
    """Nothing; raises InvalidRequestError for a field that was sent more than once."""
    for name, values in request.payload.datalist.items():
        if len(values) > 1:
            raise InvalidRequestError(f"{printable(name)} was sent more than once.")


def printable(text: str) -> str:
    """The beginning of `text` in the characters that an error's description may have.

    https://www.rfc-editor.org/rfc/rfc6749#section-5.2
    """
    return "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in text[:40])
