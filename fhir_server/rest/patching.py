"""Patch over HTTP, by address or by what a search finds.

https://hl7.org/fhir/R4/http.html#patch
"""

from fhir_server.interactions import conditional
from fhir_server.interactions.json_patch import parsed
from fhir_server.interactions.patch import patch as patch_known
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.rest.demands import condition, criteria, query, transactions
from fhir_server.rest.writing import answered


async def patch(call: Call) -> Answer:
    """200 with the next version."""
    target, wanted = call.target, parsed(call.body)
    written = await patch_known(
        transactions(call),
        target.type,
        target.id,
        wanted,
        call.access,
        condition(call),
        base_url=call.request.base,
    )
    return await answered(call, written)


async def conditional_patch(call: Call) -> Answer:
    """200 with the next version of the one match."""
    wanted = parsed(call.body)
    written = await conditional.patch(
        transactions(call),
        call.target.type,
        wanted,
        query(call, criteria(call)),
        call.access,
        condition(call),
    )
    return await answered(call, written)
