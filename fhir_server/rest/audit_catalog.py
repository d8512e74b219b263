"""The interactions of the audit, which is served apart from the other types.

https://hl7.org/fhir/R4/auditevent.html
"""

from typing import Final

from fhir_server.rest import audit_events
from fhir_server.rest.interaction import Interaction
from fhir_server.search.audit_query import PARAMETERS, SHAPING

_TAKEN: Final = SHAPING | frozenset(PARAMETERS)

AUDIT: Final[tuple[Interaction, ...]] = (
    Interaction(
        "audit-read",
        "read",
        "GET",
        "/AuditEvent/{id}",
        "A record of the audit, for auditors",
        "read",
        frozenset({"_format", "_pretty"}),
        "nothing",
        "resource",
        (200, 404),
        audit_events.read,
    ),
    Interaction(
        "audit-search",
        "search-type",
        "GET",
        "/AuditEvent",
        "The records of the audit that match, for auditors",
        "search",
        _TAKEN,
        "nothing",
        "Bundle",
        (200,),
        audit_events.search,
    ),
    Interaction(
        "audit-search-by-form",
        "search-type",
        "POST",
        "/AuditEvent/_search",
        "The records of the audit that match, for auditors",
        "search",
        _TAKEN,
        "form",
        "Bundle",
        (200,),
        audit_events.search_by_form,
    ),
)
