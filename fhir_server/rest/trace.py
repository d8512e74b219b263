"""What the log line and the metrics of a request say of it: never an id, a query or a value.

https://asgi.readthedocs.io/en/latest/specs/main.html#connection-scope
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fhir_server.audit.origin import ORIGIN
from fhir_server.audit.record import Origin
from fhir_server.rest.asgi import Scope

_KEY: Final = "fhir_server.trace"


@dataclass(slots=True)
class Trace:
    """Filled on the way in: which interaction, on which type.

    `stays_open` says that the answer is a stream; `leave` gives back the request's place among those served at once.
    """

    request_id: str = ""
    interaction: str = "other"
    type: str = ""
    stays_open: bool = False
    leave: Callable[[], None] | None = None


def begin(scope: Scope, request_id: str) -> Trace:
    """A new trace, kept in `scope` for those further in."""
    begun = Trace(request_id)
    scope[_KEY] = begun
    ORIGIN.set(origin(scope, request_id))
    return begun


def origin(scope: Scope, request_id: str) -> Origin:
    """Where the request came from."""
    client = scope.get("client")
    return Origin(client[0] if client else None, request_id)


def trace(scope: Scope) -> Trace:
    """The trace of this request; a fresh one where nobody began it."""
    found = scope.get(_KEY)
    return found if isinstance(found, Trace) else Trace()


def stays_open(scope: Scope) -> None:
    """Nothing: the answer that begins now may last for days, and no longer counts as a request being served."""
    found = trace(scope)
    found.stays_open = True
    if found.leave is not None:
        found.leave()
