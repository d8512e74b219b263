"""The CapabilityStatement over HTTP.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from fhir_server.errors import InvalidRequest
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.rest.shape import shaped


async def metadata(call: Call) -> Answer:
    """What this server does, or 304 when the client has it; raises InvalidRequest for a `mode` that is not served."""
    mode = call.request.value("mode")
    if mode not in (None, "full"):
        raise InvalidRequest(
            f"mode is {mode[:40]!r}. Only full is served." if mode else "mode is empty.", "mode"
        )
    statement = call.house.capabilities(call.request.base)
    none_match = call.request.header(b"if-none-match")
    if none_match is not None and _names(none_match, dict(statement.headers)[b"etag"].decode()):
        return Answer(304, b"", statement.headers)
    body = shaped(call.request, "CapabilityStatement", statement.body)
    return Answer(200, body, statement.headers)


def _names(none_match: str, tag: str) -> bool:
    return none_match.strip() == "*" or tag in [part.strip() for part in none_match.split(",")]
