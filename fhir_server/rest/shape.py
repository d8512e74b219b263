"""A resource thinned out as `_summary` and `_elements` ask.

https://hl7.org/fhir/R4/search.html#summary
"""

from fhir_server.errors import InvalidRequest
from fhir_server.json import dumps, stored
from fhir_server.rest.request import Request
from fhir_server.search import summary


def shaped(request: Request, resource_type: str, body: bytes) -> bytes:
    """`body` with the elements that the request asks for; as it is when it asks for none in particular.

    Raises InvalidRequest for a summary or element there is none of, and for a count, of which one resource has none.
    """
    if not request.pairs:
        return body
    if request.value("_summary") == "count":
        raise InvalidRequest("_summary=count counts the matches of a search. Leave it out here.", "_summary")
    wanted = summary.shape((resource_type,), request.value("_summary"), request.value("_elements"))
    if wanted.whole:
        return body
    return dumps(summary.shaped(stored(body), wanted))
