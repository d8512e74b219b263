"""From a request to the records that it leaves: kept before it is answered, or it is not answered.

https://hl7.org/fhir/R4/auditevent.html; docs/adr/0019-audit.md
"""

import re
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Final

from fhir_server.audit.port import Audit
from fhir_server.audit.record import REFUSED, SUCCESS, Agent, Kind, Origin, Record, outcome
from fhir_server.audit.trail import Trail
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import RequestError, Unavailable
from fhir_server.outcomes import failure
from fhir_server.rest.answer import About, Answer
from fhir_server.rest.asgi import Scope
from fhir_server.rest.body import ClientGone
from fhir_server.rest.call import Target
from fhir_server.rest.parameter_names import kept
from fhir_server.rest.request import Pairs, Request, pairs
from fhir_server.rest.trace import origin as traced_origin
from fhir_server.rest.trace import trace
from smart_auth.audit import Event
from smart_auth.principal import Principal

_ID: Final = re.compile(r"(?:Patient/)?([A-Za-z0-9\-.]{1,64})")
_OF_PATIENT: Final = frozenset({"patient", "subject", "patient:Patient", "subject:Patient"})
_PATIENT: Final = "Patient"
_NONE: Final = frozenset[str]()


def origin(scope: Scope) -> Origin:
    """Where the request came from."""
    return traced_origin(scope, trace(scope).request_id)


def agent(principal: Principal) -> Agent:
    """The caller as the audit names them."""
    return Agent(principal.subject, principal.client, principal.user, principal.fhir_user)


class Notes:
    """What a request about logins, tokens and grants notes; `keep` before it is answered. A smart_auth.audit.Recorder."""

    def __init__(self, audit: Audit, origin: Origin) -> None:
        self._audit = audit
        self._origin = origin
        self._events: list[Event] = []

    def note(self, event: Event) -> None:
        """Nothing; the event is kept with the others."""
        self._events.append(event)

    async def keep(self) -> None:
        """Nothing, once all that was noted is kept. Raises Unavailable: then nothing is to be answered but that.

        What was to end has ended by then, and stays so: to let a token live because its end cannot be told would be worse.
        """
        if not self._events:
            return
        try:
            await self._audit.keep([_noted(event, self._origin) for event in self._events])
        except Unavailable as error:
            raise Unavailable(
                "The audit cannot be kept now, and no answer is given without it; what was to end has ended all the same. "
                "Send the request again later."
            ) from error
        self._events.clear()


async def recorded(
    audit: Audit, asked: Request, target: Target, trail: Trail, serving: Awaitable[Answer]
) -> Answer:
    """The answer that `serving` gives, once the request's records are kept; raises what it raises, once that is recorded.

    Raises Unavailable when they cannot be kept. Of a request that found the database away nothing is recorded: nothing
    was done, and nothing can be.
    """
    try:
        answer = await serving
    except (Unavailable, ClientGone):
        raise
    except RequestError as error:
        await audit.keep([*trail.further, _own(asked, target, trail, failure(error).status)])
        raise
    except Exception:
        with suppress(RequestError):
            await audit.keep([*trail.further, _own(asked, target, trail, 500)])
        raise
    about = answer.about
    if about is None or not trail.has(about.type, about.id, about.version):
        trail.further.append(_own(asked, target, trail, answer.status, about))
    await audit.keep(trail.further)
    return answer


def record(asked: Request, target: Target, trail: Trail, status: int, about: About | None = None) -> Record:
    """What the audit keeps of the request `asked`, which was answered with `status`."""
    interaction = target.interaction
    found = about or About(target.type, "" if target.compartment else target.id, _number(target.version))
    sent = asked.pairs + _form(trail.form) if trail.form else asked.pairs
    return Record(
        "rest",
        interaction.code,
        outcome(status),
        trail.agent,
        trail.origin,
        found.type,
        found.id,
        found.version,
        found.id if found.type == _PATIENT and found.id else found.patient or patient(target, sent),
        "" if interaction.name == interaction.code else interaction.name,
        _types(sent) if sent else (),
        kept((name for name, _ in sent), interaction.parameters or _NONE) if sent else (),
        str(status),
    )


def _own(asked: Request, target: Target, trail: Trail, status: int, about: About | None = None) -> Record:
    """The record of the request itself, beside those of its entries."""
    found = record(asked, target, trail, status, about)
    return found._replace(action=trail.action, name="") if trail.action else found


def _number(version: str) -> int | None:
    return int(version[:9]) if version.isascii() and version.isdigit() else None


def _form(body: bytes) -> Pairs:
    try:
        return pairs(body.strip())
    except RequestError:
        return ()


def _types(sent: Pairs) -> tuple[str, ...]:
    """The types of resource that a search of several is asked for."""
    asked = [value for name, value in sent if name == "_type"]
    return tuple(type for value in asked for type in value.split(",") if type in RESOURCE_TYPES)


def patient(target: Target, sent: Iterable[tuple[str, str]]) -> str | None:
    """The one Patient that a search is about, where its address says so."""
    if target.compartment:
        return target.id if target.compartment == _PATIENT else None
    asked = _OF_PATIENT if target.type != _PATIENT else {"_id"}
    values = {value for name, value in sent if name in asked}
    found = _ID.fullmatch(values.pop()) if len(values) == 1 else None
    return found[1] if found else None


def _noted(event: Event, origin: Origin) -> Record:
    type, separator, id = (event.about or "").partition(":")
    return Record(
        _kind(event),
        event.action,
        SUCCESS if event.succeeded else REFUSED,
        Agent(event.subject, event.client, event.user, event.fhir_user),
        origin,
        type=type.capitalize() if separator else "",
        id=id,
        patient=event.patient,
        reason=event.reason,
    )


def _kind(event: Event) -> Kind:
    if event.action in ("login", "logout"):
        return "user"
    return "administration" if event.action.startswith(("user-", "client-", "key-")) else "token"
