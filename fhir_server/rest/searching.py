"""Search over HTTP, by address or by form.

https://hl7.org/fhir/R4/http.html#search
"""

from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.rest.request import Pairs, pairs


async def search(call: Call) -> Answer:
    """The Bundle of the resources that match the address."""
    return await _searchset(call, call.request.pairs)


async def search_by_form(call: Call) -> Answer:
    """The Bundle of the resources that match the form, and the address where that has parameters too."""
    return await _searchset(call, call.request.pairs + pairs(call.body.strip()))


async def _searchset(call: Call, asked: Pairs) -> Answer:
    raise NotImplementedError
