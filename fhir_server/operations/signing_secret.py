"""`$signing-secret` of a Subscription: the secret with which its owner checks the signatures of notifications.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from typing import Final

from fhir_server.operations.invocation import Invocation
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result, parameters
from fhir_server.operations.subscription_status import one, refuse_others
from fhir_server.store.subscriptions.status import SUBSCRIPTION


async def serve(call: Invocation) -> Result:
    """The secret, which is derived anew each time and kept nowhere.

    Raises NotFound or Gone for a Subscription that is not there or not the caller's, Forbidden for one of another owner.
    """
    refuse_others(call.principal, await one(call.database, call.id, call.access))
    told = parameters({"name": "secret", "valueString": call.signing_secret(call.id)})
    return Result(told.body, headers=((b"cache-control", b"no-store"),))


SIGNING_SECRET: Final = Operation(
    id="Subscription-signing-secret",
    code="signing-secret",
    title="The secret that notifications are signed with",
    description="The secret under which the notifications of one Subscription are signed as Standard Webhooks are, told to "
    "its owner alone.",
    levels={"instance": "read"},
    types=(SUBSCRIPTION,),
    takes=(),
    gives=(Parameter("secret", "string", 1, "1", "The secret, `whsec_` and base64."),),
    affects_state=False,
    serve=serve,
)
