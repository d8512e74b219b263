"""From a request to the records that it leaves.

https://hl7.org/fhir/R4/auditevent.html
"""

from fhir_server.audit.port import Audit
from fhir_server.audit.record import REFUSED, SUCCESS, Agent, Kind, Origin, Record
from fhir_server.rest.asgi import Scope
from fhir_server.rest.trace import trace
from smart_auth.audit import Event
from smart_auth.principal import Principal


def origin(scope: Scope) -> Origin:
    """Where the request came from."""
    client = scope.get("client")
    return Origin(client[0] if client else None, trace(scope).request_id)


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
        """Nothing, once all that was noted is kept. Raises Unavailable: then nothing is to be answered but that."""
        if self._events:
            await self._audit.keep([_record(event, self._origin) for event in self._events])
            self._events.clear()


def _record(event: Event, origin: Origin) -> Record:
    kind, separator, id = (event.about or "").partition(":")
    return Record(
        _kind(event),
        event.action,
        SUCCESS if event.succeeded else REFUSED,
        Agent(event.subject, event.client, event.user, event.fhir_user),
        origin,
        type=kind.capitalize() if separator else "",
        id=id,
        patient=event.patient,
        reason=event.reason,
    )


def _kind(event: Event) -> Kind:
    if event.action in ("login", "logout"):
        return "user"
    return "administration" if event.action.startswith(("user-", "client-", "key-")) else "token"
