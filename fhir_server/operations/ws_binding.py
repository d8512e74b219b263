"""`$get-ws-binding-token` of Subscriptions: a token with which a WebSocket is bound to them.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-get-ws-binding-token.html
"""

from collections.abc import Sequence
from typing import Final

from fhir_server.clock import instant
from fhir_server.errors import NotFound, Unprocessable
from fhir_server.json import JsonObject
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result, parameters
from fhir_server.operations.subscription_status import one, refuse_blind, refuse_off, refuse_others
from fhir_server.search.access import owner_key
from fhir_server.store.subscriptions.status import SUBSCRIPTION, Status, status
from fhir_server.subscriptions.as_json import asked_from
from fhir_server.subscriptions.bindings import issue, websocket_url

_DEFINITIONS: Final = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition"
_CHANNEL: Final = "websocket"
_SERVED: Final = ("active", "requested", "error")


async def serve(call: Invocation) -> Result:
    """A token for one Subscription, for those named, or for all of the caller's own that go by WebSocket.

    Raises NotFound for one that is not there or not the caller's, Forbidden for one of another owner or of what they may not
    see, Unprocessable for one that goes another way or is off.
    """
    found = (
        [await one(call.database, call.id, call.access)] if call.level == "instance" else await _named(call)
    )
    for each in found:
        refuse_others(call.principal, each)
        _refuse_another_channel(each)  # what it never does comes before what it does not do now
        refuse_off(each)
        refuse_blind(call.principal, each)
    async with call.database.connection() as connection:
        issued = await issue(connection, call.principal, [each.id for each in found])
    ids: list[JsonObject] = [{"name": "subscription", "valueString": each.id} for each in found]
    told = parameters(
        {"name": "token", "valueString": issued.token},
        {"name": "expiration", "valueDateTime": instant(issued.expires_at)},
        *ids,
        {"name": "websocket-url", "valueUrl": websocket_url(call.base_url)},
    )
    return Result(told.body, headers=((b"cache-control", b"no-store"),))


async def _named(call: Invocation) -> Sequence[Status]:
    ids, most = call.arguments.texts("id"), call.settings.max_count
    async with call.database.connection() as connection:
        found = await status(connection, call.access, most, ids=ids, states=_SERVED if not ids else ())
    if not ids:
        own = owner_key(call.principal)
        found = [one for one in found if one.owner_key == own and _goes_by_websocket(one)]
    missing = [id for id in ids if id not in {each.id for each in found}]
    if missing:
        raise NotFound(f"{SUBSCRIPTION}/{missing[0]} does not exist here. Check the id.")
    if not found:
        raise NotFound("No Subscription of yours goes by WebSocket. Make one with the channel `websocket`.")
    return found


def _refuse_another_channel(found: Status) -> None:
    if not _goes_by_websocket(found):
        raise Unprocessable(
            f"{SUBSCRIPTION}/{found.id} does not go by WebSocket. Its channel.type must be `{_CHANNEL}`.",
            "id",
        )


def _goes_by_websocket(found: Status) -> bool:
    return found.asked is not None and asked_from(found.id, found.asked).channel.type == _CHANNEL


BINDING_TOKEN: Final = Operation(
    id="Subscription-get-ws-binding-token",
    code="get-ws-binding-token",
    title="A token for a WebSocket",
    description="A token with which a WebSocket is bound to one Subscription of the caller, to those named by id, or to all "
    "that go by WebSocket. It is for an hour and shown once.",
    levels={"instance": "read", "type": "search"},
    types=(SUBSCRIPTION,),
    takes=(Parameter("id", "id", 0, "*", "At the type level: the ids of Subscriptions."),),
    gives=(
        Parameter("token", "string", 1, "1", "The token, sent over the WebSocket as `bind-with-token` says."),
        Parameter("expiration", "dateTime", 1, "1", "Until when it binds."),
        Parameter("subscription", "string", 0, "*", "The ids of the Subscriptions that it binds to."),
        Parameter("websocket-url", "url", 1, "1", "Where the WebSocket is opened."),
    ),
    affects_state=False,
    serve=serve,
    base=f"{_DEFINITIONS}/backport-subscription-get-ws-binding-token",
)
