"""`/ws/subscriptions`: notifications of any number of subscriptions over one WebSocket.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets; docs/subscriptions.md

R4's own `bind <id>` proves nothing about who says it: it is taken from whoever sent an Authorization header, and for what
was bound with a token before.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from starlette.routing import WebSocketRoute

from fhir_server.audit.record import NOBODY, Record, outcome
from fhir_server.errors import AuthenticationFailed, Forbidden, NotFound, RequestError, TokenRejected
from fhir_server.json import dumps
from fhir_server.operations.subscription_status import one, refuse_blind, refuse_off, refuse_others
from fhir_server.outcomes import failure
from fhir_server.rest.asgi import Receive, Scope, Send
from fhir_server.rest.audited import agent, origin
from fhir_server.rest.call import House, refused_caller
from fhir_server.rest.rates import address
from fhir_server.rest.request import request
from fhir_server.rest.streams.callers import Caller
from fhir_server.rest.streams.socket import Hearing, as_request, converse
from fhir_server.rest.streams.stream import Stream
from fhir_server.rest.streams.subscription_bonds import Bond, Bonds
from fhir_server.rest.streams.subscription_messages import (
    BindId,
    BindToken,
    Message,
    Ping,
    UnbindToken,
    message,
)
from fhir_server.search.access import predicate
from fhir_server.store.subscriptions.bindings import Binding
from fhir_server.store.subscriptions.following import Stand, stands
from fhir_server.store.subscriptions.registrations import Registration, registered
from fhir_server.store.subscriptions.status import SUBSCRIPTION
from fhir_server.subscriptions.as_json import owner_from
from fhir_server.subscriptions.bindings import PATH, bound
from smart_auth.principal import Principal
from smart_auth.tokens import sha256

KIND: Final = "subscription-websocket"
BIND_SECONDS: Final = 10.0
MOST_MISTAKES: Final = 5


def route(house: House) -> WebSocketRoute:
    """The address at which clients are told of events over a WebSocket."""
    return WebSocketRoute(PATH, _Address(house))


class _Address:
    """Answers whoever connects."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Returns when the WebSocket is closed; raises what a request with such a token would be refused by."""
        caller = await self._arrived(scope)
        with self._house.streams.opened(
            KIND, beat=lambda: b"", caller=caller, address=address(scope)
        ) as stream:

            async def conversation(_: Stream, hearing: Hearing) -> None:
                async with asyncio.TaskGroup() as tasks:
                    bonds = Bonds(self._house.followers, stream, tasks)
                    await _Visit(self._house, scope, stream, caller, bonds).talk(hearing)
                    await bonds.end()

            await converse(stream, scope, receive, send, conversation)

    async def _arrived(self, scope: Scope) -> Caller | None:
        """Who sent an Authorization header, if anybody did; raises for whom it does not prove, once that is recorded."""
        header = dict(scope["headers"]).get(b"authorization")
        if header is None:
            return None
        try:
            return await self._house.streams.callers.arrived(header.decode("latin-1"))
        except RequestError as error:
            await self._house.audit.keep([_record(scope, "", refused_caller(error), failure(error).status)])
            raise


class _Visit:
    """One client, and what they are bound to.

    `caller` is who sent an Authorization header; who they are is known from what they were bound to, too.
    """

    def __init__(
        self, house: House, scope: Scope, stream: Stream, caller: Caller | None, bonds: Bonds
    ) -> None:
        self._house = house
        self._scope = scope
        self._base = request(as_request(scope), house.settings.base_url).base
        self._stream = stream
        self._caller = caller
        self._known = caller
        self._bonds = bonds
        self._stranger_since: float | None = None

    async def talk(self, hearing: Hearing) -> None:
        """Returns when the stream is over; a client that errs is told how, and one that errs often is left."""
        mistakes = 0
        while (text := await hearing.next(self._patience())) is not None:
            try:
                await self._answer(text)
            except RequestError as error:
                mistakes += 1
                self._stream.offer(dumps(failure(error).outcome))
                if mistakes == MOST_MISTAKES:
                    await self._stream.drained()
                    self._stream.end("refused")

    def _patience(self) -> float | None:
        """How long somebody may stay who has not proved who they are, whatever else they say; None without a bound."""
        if self._caller is not None or len(self._bonds):
            self._stranger_since = None
            return None
        now = time.monotonic()
        self._stranger_since = self._stranger_since or now
        return max(self._stranger_since + BIND_SECONDS - now, 0.0)

    async def _answer(self, text: str) -> None:
        """Nothing, when what the client says was done; raises why it was not, once that is recorded."""
        said: Message | None = None
        try:
            said = message(text)
            await self._heard(said)
        except RequestError as error:
            id = said.id if isinstance(said, BindId) else ""
            who = None if self._known is None else self._known.principal
            await self._house.audit.keep([_record(self._scope, id, who, failure(error).status)])
            raise

    async def _heard(self, said: Message) -> None:
        match said:
            case BindToken(token):
                await self._bind_by_token(token)
            case UnbindToken(token):
                await self._bonds.unbind(sha256(token))
            case BindId(id):
                await self._bind_by_id(id)
            case Ping():
                self._stream.offer(b'{"type":"pong"}')

    async def _bind_by_token(self, token: str) -> None:
        """Binds to what the token is for; raises TokenRejected, NotFound for what is there no more, Forbidden."""
        async with self._house.database.connection() as connection:
            binding = await bound(connection, token)
            known = [] if binding is None else await registered(connection, binding.subscriptions)
            stand = await stands(connection, [each.key for each in known])
        if binding is None:
            raise TokenRejected(
                "The token binds to nothing: it has expired, or was never issued. Get another one."
            )
        served = [each for each in known if each.owner_key == binding.owner_key and each.state != "off"]
        if not served:
            raise NotFound(f"The {SUBSCRIPTION}s that the token is for are off.")
        bonds = [self._bond(each, stand[each.key], binding, sha256(token)) for each in served]
        await self._admit(bonds, owner_from(served[0].owner))

    async def _admit(self, bonds: Sequence[Bond], owner: Principal) -> None:
        """Greets for each, once it is judged that they may be told anything, and recorded that they will be."""
        standing = await self._house.judges.by_owner([each.following for each in bonds])
        admitted = [each for each in bonds if each.following in standing]
        if not admitted:
            raise Forbidden("What was granted to whoever subscribed has ended.")
        whose = Caller(owner, None)
        if self._known is None:
            self._house.streams.belongs(self._stream, whose)
            self._known = whose
        elif self._known.key != whose.key:
            raise Forbidden("This token is another caller's. Open a WebSocket for them.")
        await self._greet(admitted, owner)

    async def _greet(self, bonds: Sequence[Bond], who: Principal) -> None:
        records = [_record(self._scope, each.id, who, 200) for each in bonds]
        await self._house.audit.keep(records)
        self._stream.record = self._stream.record or records[0]
        for each in bonds:
            await self._bonds.greet(each)

    async def _bind_by_id(self, id: str) -> None:
        """Binds as R4 has it; raises AuthenticationFailed where nobody proved who they are, NotFound for what is not theirs."""
        bond = self._bonds.get(id)
        if bond is not None:
            bond.form = "pings"
            await self._bonds.greet(bond)
            return
        if self._caller is None:
            raise AuthenticationFailed(
                "Send an Authorization header when you connect, or `bind-with-token <token>` before this."
            )
        standing = await self._house.streams.standing([self._stream])
        if self._stream in standing:
            who = standing[self._stream]
            found = await one(self._house.database, id, predicate(who, SUBSCRIPTION, "read"))
            refuse_others(who, found)
            refuse_off(found)
            refuse_blind(who, found)
            judges = self._house.judges
            following = judges.by_their_token(found, self._stream, self._base, found.numbered)
            await self._greet([Bond(following, "pings")], who)

    def _bond(self, known: Registration, stand: Stand, binding: Binding, token: bytes) -> Bond:
        """What the token binds to, from now on or still."""
        following = self._house.judges.by_their_owner(known, stand, self._base)
        bond = self._bonds.get(known.id)
        if bond is None:
            bond = Bond(following, "bundles")
        else:  # perhaps by its id, for who sent a header
            bond.form = "bundles"
            bond.following.judge, bond.following.whose = following.judge, following.whose
        bond.until, bond.token = binding.expires_at, token
        return bond


def _record(scope: Scope, id: str, who: Principal | None, status: int) -> Record:
    return Record(
        "rest",
        "operation",
        outcome(status),
        NOBODY if who is None else agent(who),
        origin(scope),
        SUBSCRIPTION,
        id,
        name=f"GET {PATH}",
        reason=str(status),
    )
