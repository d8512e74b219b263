"""`/ws/patients/{id}`: the live view over a WebSocket.

https://www.rfc-editor.org/rfc/rfc6455; docs/live.md

A browser cannot set headers of a WebSocket, and an address gets into logs: there the token is the first message.
"""

from dataclasses import dataclass
from typing import Final

from starlette.routing import WebSocketRoute

from fhir_server.audit.record import NOBODY, Record, outcome
from fhir_server.errors import InvalidRequest, RequestError
from fhir_server.json import dumps, parse
from fhir_server.outcomes import failure
from fhir_server.rest.asgi import Receive, Scope, Send
from fhir_server.rest.audited import agent, origin
from fhir_server.rest.call import House, refused_caller
from fhir_server.rest.live import told
from fhir_server.rest.live.hub import Hub
from fhir_server.rest.live.watching import Wanted, check_patient, watching
from fhir_server.rest.rates import address
from fhir_server.rest.request import request as taken_apart
from fhir_server.rest.streams.callers import Caller
from fhir_server.rest.streams.socket import Hearing, as_request, converse
from fhir_server.rest.streams.stream import Stream
from smart_auth.principal import Principal

AUTHORIZE_SECONDS: Final = 10.0
_PATH: Final = "/ws/patients/{id}"
_LONGEST: Final = 64


def route(house: House, hub: Hub) -> WebSocketRoute:
    """The address at which pages watch a patient."""
    return WebSocketRoute(_PATH, _Address(house, hub))


@dataclass(frozen=True, slots=True)
class _Authorize:
    """What a client says first where it sent no Authorization header, and again with each token that it gets."""

    token: str
    position: str | None


class _Address:
    """Answers whoever connects."""

    def __init__(self, house: House, hub: Hub) -> None:
        self._house = house
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Returns when the WebSocket is closed; raises what a request with such a token would be refused by."""
        headers = dict(scope["headers"])
        id = str(scope["path_params"]["id"])
        visit = _Visit(self._house, self._hub, scope, id)
        wanted: Wanted | None = None
        if b"authorization" in headers:
            after = headers.get(b"last-event-id", b"").decode("latin-1")
            wanted = await visit.let_in(headers[b"authorization"].decode("latin-1"), after)
        with self._house.streams.opened(
            told.SOCKET,
            beat=lambda: told.heartbeat(told.SOCKET, ""),
            caller=None if wanted is None else wanted.caller,
            address=address(scope),
        ) as stream:

            async def conversation(to: Stream, hearing: Hearing) -> None:
                await visit.talk(to, hearing, wanted)

            await converse(stream, scope, receive, send, conversation)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One client at the address of the Patient `id`."""

    house: House
    hub: Hub
    scope: Scope
    id: str

    async def let_in(self, authorization: str, after: str | None) -> Wanted:
        """What the caller wants to watch, once it is recorded that they may, or may not; raises as a request would."""
        known: Principal | None = None
        try:
            caller = await self.house.streams.callers.arrived(authorization)
            known = caller.principal
            self.house.streams.refuse_more(caller)
            await check_patient(self.house, known, self.id)
        except RequestError as error:
            await self.house.audit.keep([self._record(known or refused_caller(error), failure(error).status)])
            raise
        record = self._record(known, 200)
        await self.house.audit.keep([record])
        base = taken_apart(as_request(self.scope), self.house.settings.base_url).base
        return Wanted(self.id, base, after, caller, record)

    async def talk(self, stream: Stream, hearing: Hearing, wanted: Wanted | None) -> None:
        """Returns when the stream is over; a client that is refused is told why first."""
        try:
            if wanted is None:
                first = _authorize(await hearing.next(within=AUTHORIZE_SECONDS))
                if first is None:
                    return
                wanted = await self.let_in(f"Bearer {first.token}", first.position)
                self.house.streams.belongs(stream, wanted.caller)
            stream.record = wanted.record
            watcher = watching(self.hub, stream, wanted)
            stream.beat = lambda: self.hub.heartbeat(watcher)
            async with self.hub.watching(watcher):
                while (message := _authorize(await hearing.next())) is not None:
                    await self._renew(stream, wanted.caller, message)
        except RequestError as error:
            stream.offer(dumps({"event": "refused", "outcome": failure(error).outcome}))
            await stream.drained()
            stream.end("refused")

    async def _renew(self, stream: Stream, before: Caller, message: _Authorize) -> None:
        """Nothing: the stream goes on under another token of the same caller; raises as `let_in`."""
        caller = await self.house.streams.callers.shown(message.token)
        if caller.key != before.key:
            raise InvalidRequest("This token is another caller's. Open a WebSocket for them.", "token")
        await check_patient(self.house, caller.principal, self.id)
        self.house.streams.belongs(stream, caller)

    def _record(self, principal: Principal | None, status: int) -> Record:
        id = "".join(filter(str.isprintable, self.id[:_LONGEST]))
        return Record(
            "rest",
            "read",
            outcome(status),
            NOBODY if principal is None else agent(principal),
            origin(self.scope),
            "Patient",
            id,
            patient=id,
            name=f"GET {_PATH}",
            reason=str(status),
        )


def _authorize(text: str | None) -> _Authorize | None:
    """The message; None where there is none any more. Raises InvalidRequest for any other."""
    if text is None:
        return None
    tree = parse(text.encode())
    token, position = tree.get("token"), tree.get("position")
    if tree.get("type") != "authorize" or not isinstance(token, str):
        raise InvalidRequest(
            'Send `{"type":"authorize","token":…}`; nothing else is understood here.', "type"
        )
    unknown = tree.keys() - {"type", "token", "position"}
    if unknown or not isinstance(position, str | None):
        raise InvalidRequest(
            f"{min(unknown, default='position')[:40]} cannot be read. To go on where you were send `position`, the `id` of "
            "the last event that had one.",
            "position",
        )
    return _Authorize(token, position)
