"""`$status` of Subscriptions: their state, how many events they were given, and what went wrong last.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html
"""

from collections.abc import Sequence
from typing import Final, cast

from fhir_server.clock import instant
from fhir_server.errors import Forbidden, InvalidRequest, NotFound, Unprocessable
from fhir_server.interactions.read import read
from fhir_server.json import JsonObject, JsonValue
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result, resource
from fhir_server.search.access import owner_key
from fhir_server.search.bundle import url
from fhir_server.store.database import Database
from fhir_server.store.predicate import Predicate
from fhir_server.store.subscriptions.status import STATES, SUBSCRIPTION, Status, status
from fhir_server.subscriptions.as_json import asked_from
from fhir_server.subscriptions.model import State
from fhir_server.subscriptions.notification import About, query_status
from fhir_server.subscriptions.standing import refuse_unseen
from smart_auth.principal import Principal

_DEFINITIONS: Final = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition"
_AFTER: Final = "_after"
_NEVER_SERVED: Final = (
    "It was stored when no subscriptions were served. Send it again with the status `requested`."
)


async def serve(call: Invocation) -> Result:
    """A searchset Bundle of the status of one Subscription, or of all that the caller may see, page by page.

    Raises NotFound or Gone for one that is not there or not the caller's; InvalidRequest for a status that is none.
    """
    if call.level == "instance":
        return _bundle(call, [await one(call.database, call.id, call.access)], further=False)
    asked, most = call.arguments, call.settings.max_count
    states = asked.texts("status")
    for state in states:
        if state not in STATES:
            raise InvalidRequest(f"status is {state[:40]!r}. Send {', '.join(STATES)}.", "status")
    async with call.database.connection() as connection:
        found = await status(
            connection,
            call.access,
            most + 1,
            ids=asked.texts("id"),
            states=states,
            after=asked.text(_AFTER) or "",
        )
    return _bundle(call, found[:most], further=len(found) > most)


async def one(database: Database, id: str, access: Predicate) -> Status:
    """The status of the Subscription with the id; raises NotFound or Gone when there is none that `access` shows."""
    await read(database, SUBSCRIPTION, id, access)
    async with database.connection() as connection:
        found = await status(connection, access, 1, ids=[id])
    if not found:
        raise NotFound(f"{SUBSCRIPTION}/{id} was deleted at this moment.")
    return found[0]


def refuse_others(principal: Principal, found: Status) -> None:
    """Nothing for the owner of the Subscription; raises Forbidden for an administrator who looks after it."""
    if found.owner_key != owner_key(principal):
        raise Forbidden(f"{SUBSCRIPTION}/{found.id} belongs to somebody else, who alone may do this.")


def refuse_off(found: Status) -> None:
    """Nothing for a Subscription that is told of events; raises Unprocessable for one that is off."""
    if found.asked is None or found.state == "off":
        raise Unprocessable(
            f"{SUBSCRIPTION}/{found.id} is off. Update it with the status `requested` first.",
            f"{SUBSCRIPTION}.status",
        )


def refuse_blind(principal: Principal, found: Status) -> None:
    """Nothing for who may read and search what the Subscription watches; raises Forbidden, with a token that is for less."""
    assert found.asked is not None, "it was registered"
    refuse_unseen(principal, asked_from(found.id, found.asked))


def about(found: Status, base_url: str) -> About:
    """What notifications and answers say of the Subscription."""
    asked = found.asked or {}
    return About(
        id=found.id,
        topic=cast("str | None", asked.get("topic")),
        state=cast("State", found.state),
        numbered=found.numbered,
        base_url=base_url,
        error=_NEVER_SERVED if found.asked is None else found.error,
    )


def _bundle(call: Invocation, found: Sequence[Status], *, further: bool) -> Result:
    here = "/".join(part for part in (call.type, call.id, "$status") if part)
    asked = [(name, str(value)) for name, values in call.arguments.values.items() for value in values]
    links = [_link("self", url(call.base_url, here, asked))]
    if further:
        pairs = [pair for pair in asked if pair[0] != _AFTER]
        links.append(_link("next", url(call.base_url, here, [*pairs, (_AFTER, found[-1].id)])))
    bundle: JsonObject = {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": instant(call.now),
        "link": links,
    }
    entries = [_entry(query_status(about(one, call.base_url))) for one in found]
    return resource(bundle | ({"entry": entries} if entries else {}))


def _link(relation: str, address: str) -> JsonValue:
    return {"relation": relation, "url": address}


def _entry(parameters: JsonObject) -> JsonValue:
    return {"fullUrl": f"urn:uuid:{parameters['id']}", "resource": parameters, "search": {"mode": "match"}}


STATUS: Final = Operation(
    id="Subscription-status",
    code="status",
    title="How Subscriptions stand",
    description="The state of one Subscription, the number of its last event and, after failures, what went wrong last; at "
    "the type level of all Subscriptions that the caller may see, their own.",
    levels={"instance": "read", "type": "search"},
    types=(SUBSCRIPTION,),
    takes=(
        Parameter("id", "id", 0, "*", "At the type level: the ids of Subscriptions; else ignored."),
        Parameter("status", "code", 0, "*", "At the type level: in one of these states; else ignored."),
        Parameter(_AFTER, "string", 0, "1", "Where the page before ended, from a next link."),
    ),
    gives=(Parameter("return", "Bundle", 1, "1", "A searchset of Parameters, one for each Subscription."),),
    affects_state=False,
    serve=serve,
    base=f"{_DEFINITIONS}/backport-subscription-status",
)
