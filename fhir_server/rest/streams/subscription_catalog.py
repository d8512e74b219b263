"""The interactions of subscriptions that are no operations of the catalog: answers that stay open.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from typing import Final

from fhir_server.rest.interaction import Interaction
from fhir_server.rest.streams.subscription_events import SINCE, serve

STREAMS: Final[tuple[Interaction, ...]] = (
    Interaction(
        "events-stream",
        "operation",
        "GET",
        "/Subscription/{id}/$events-stream",
        "The events of a Subscription as Server-Sent Events, from any number on",
        "read",
        frozenset({SINCE}),
        "nothing",
        "event-stream",
        (200, 404, 410, 422),
        serve,
    ),
)
