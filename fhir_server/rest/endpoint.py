"""The one ASGI endpoint of `/fhir`: negotiate, route, authenticate, authorise, read the body, interact, answer.

https://hl7.org/fhir/R4/http.html; why one endpoint: docs/adr/0008-one-asgi-endpoint.md
"""

from collections.abc import Callable

from fhir_server.audit.trail import Trail
from fhir_server.errors import InvalidRequest, RequestError
from fhir_server.outcomes import failure
from fhir_server.rest.answer import Answer, Manner, send_answer, text
from fhir_server.rest.asgi import Receive, Scope, Send
from fhir_server.rest.audited import agent, origin, recorded
from fhir_server.rest.binary import is_content, wants_content
from fhir_server.rest.body import ClientGone, body
from fhir_server.rest.call import Call, House, Target, TooOften, unproved
from fhir_server.rest.negotiation import (
    FHIR_JSON,
    PATCH,
    accepted,
    check_form,
    check_patch,
    check_resource_type,
    takes_gzip,
)
from fhir_server.rest.preferences import preferences
from fhir_server.rest.request import Request, request
from fhir_server.rest.streams.subscription_events import wants_events
from fhir_server.rest.trace import trace
from fhir_server.search.access import predicate, refuse_ids_of_ingest
from fhir_server.search.params.sql import conjunction
from fhir_server.store.predicate import NOTHING, Predicate
from smart_auth.errors import SmartAuthError
from smart_auth.principal import Principal

_UNKNOWN_MANNER = Manner(FHIR_JSON)
_NOBODY = Principal("nobody", frozenset())
_WRITES = frozenset({"create", "update", "delete"})


class Endpoint:
    """Serves the interactions of the house's routes; every failure that is foreseen is answered as an OperationOutcome."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._routes = house.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; an unforeseen failure is left to the middleware that knows how to log it."""
        manner = _UNKNOWN_MANNER
        try:
            asked = request(scope, self._house.settings.base_url)
            manner = _plain_manner(asked)
            if not wants_content(asked) and not wants_events(asked):
                manner = _manner(asked, manner)
            answer = await self._answer(asked, scope, receive)
        except RequestError as error:
            answer = failed(error)
        except ClientGone:
            return
        if answer.app is not None:
            await answer.app(scope, receive, send)
            return
        await send_answer(answer, manner, send)

    async def _answer(self, asked: Request, scope: Scope, receive: Receive) -> Answer:
        """The answer, once it is recorded."""
        if asked.method == "OPTIONS":
            return self._options(asked)
        target = self._routes.target(asked)
        traced = trace(scope)
        traced.interaction, traced.type = target.interaction.name, target.type
        trail = Trail(origin(scope))
        serving = self._served(asked, target, trail, receive)
        if target.interaction.public or not self._house.audit.keeps:
            return await serving
        return await recorded(self._house.audit, asked, target, trail, serving)

    async def _served(self, asked: Request, target: Target, trail: Trail, receive: Receive) -> Answer:
        principal = await self._principal(asked, target, trail)
        call = Call(
            request=asked,
            target=target,
            preferences=preferences(asked.header(b"prefer")),
            principal=principal,
            access=reachable(principal, target),
            body=await self._body(asked, target, receive),
            house=self._house,
            receive=receive,
            trail=trail,
        )
        trail.form = call.body if target.interaction.takes == "form" else b""
        check_parameters(call)
        return await target.interaction.serve(call)

    def _options(self, asked: Request) -> Answer:
        methods = self._routes.allowed(asked)
        allow = (b"allow", ", ".join(methods).encode())
        patches = ((b"accept-patch", PATCH.encode()),) if "PATCH" in methods else ()
        return Answer(204, b"", (allow, *patches))

    async def _principal(self, asked: Request, target: Target, trail: Trail) -> Principal:
        if target.interaction.public:
            return _NOBODY
        try:
            found = await self._house.authenticator.authenticate(asked.header(b"authorization"))
        except SmartAuthError as error:
            raise unproved(error) from error
        except TooOften as error:
            trail.agent = agent(error.principal)
            raise
        trail.agent = agent(found)
        return found

    async def _body(self, asked: Request, target: Target, receive: Receive) -> bytes:
        match target.interaction.takes:
            case "nothing":
                return b""
            case "parameters":
                return await self._perhaps(asked, receive, check_resource_type)
            case "form":
                return await self._perhaps(asked, receive, check_form)
            case "resource" if is_content(asked, target):
                return b""
            case "resource":
                check_resource_type(asked.header(b"content-type"))
            case "bundle":
                check_resource_type(asked.header(b"content-type"))
                return await body(asked, receive, self._house.settings.max_bundle_bytes)
            case "patch":
                check_patch(asked.header(b"content-type"))
        return await body(asked, receive, self._house.settings.max_body_bytes)

    async def _perhaps(self, asked: Request, receive: Receive, check: Callable[[str | None], None]) -> bytes:
        """The body of an operation or a search, which is empty, and of no type, where the address says it all."""
        text = await body(asked, receive, self._house.settings.max_body_bytes)
        if text:
            check(asked.header(b"content-type"))
        return text


def reachable(principal: Principal, target: Target) -> Predicate:
    """The rows that the caller may reach: none for what is open to everyone, nor where more must be known to tell.

    The entries of a Bundle and the types that a search of many is asked of are granted one by one. A patch fails or not by
    what is there, and a change of labels answers with them: both take the permission to read, too.
    """
    interaction, operation = target.interaction, target.interaction.operation
    several = interaction.permission == "search" and not target.type and operation is None
    if interaction.public or interaction.takes == "bundle" or several:
        return NOTHING
    writes = interaction.permission in _WRITES and (operation is None or operation.affects_state)
    if writes and target.id:
        refuse_ids_of_ingest(principal, target.id)
    found = predicate(principal, target.type or None, interaction.permission)
    if writes and (interaction.takes == "patch" or operation is not None):
        return conjunction([found, predicate(principal, target.type, "read")])
    return found


def failed(error: RequestError) -> Answer:
    """The OperationOutcome that tells the client of `error`."""
    failing = failure(error)
    return Answer(failing.status, text(failing.outcome), failing.headers)


def check_parameters(call: Call) -> None:
    """Nothing, when the interaction takes every query parameter sent, or the client asked for leniency.

    Raises InvalidRequest otherwise (docs/adr/0007-strict-parameters.md); searches check theirs themselves.
    """
    known = call.target.interaction.parameters
    if known is None or not call.request.pairs:
        return
    if (call.preferences.handling or call.house.settings.handling) == "lenient":
        return
    for name, _ in call.request.pairs:
        if name not in known:
            raise InvalidRequest(
                f"The parameter {name[:60]!r} is not known to {call.target.interaction.name}. "
                f"It takes {', '.join(sorted(known))}. Leave it out, or send `Prefer: handling=lenient`.",
                name[:60],
            )


def _plain_manner(asked: Request) -> Manner:
    """The manner in which even a refusal of the wanted format is told."""
    encodings = asked.header(b"accept-encoding")
    return Manner(
        FHIR_JSON, gzip=encodings is not None and takes_gzip(encodings), head=asked.method == "HEAD"
    )


def _manner(asked: Request, plain: Manner) -> Manner:
    media_type = accepted(asked.header(b"accept"), asked.value("_format") if asked.pairs else None)
    if not asked.pairs:
        return plain if media_type == FHIR_JSON else plain._replace(media_type=media_type)
    match asked.value("_pretty"):
        case None | "" | "false":
            indented = False
        case "true":
            indented = True
        case other:
            raise InvalidRequest(f"_pretty is {other[:40]!r}. Send true or false.", "_pretty")
    return Manner(media_type, indented, plain.gzip, plain.head)
