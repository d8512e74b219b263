"""The operations that are served, an explicit list; what is not here is not served.

https://hl7.org/fhir/R4/operationslist.html
"""

from typing import Final

from fhir_server.operations.everything import EVERYTHING
from fhir_server.operations.lastn import LASTN
from fhir_server.operations.meta import META
from fhir_server.operations.operation import Operation
from fhir_server.operations.record import RECORD
from fhir_server.operations.reindex import REINDEX
from fhir_server.operations.relabel import META_ADD, META_DELETE
from fhir_server.operations.signing_secret import SIGNING_SECRET
from fhir_server.operations.stats import STATS
from fhir_server.operations.subscription_events import EVENTS
from fhir_server.operations.subscription_status import STATUS
from fhir_server.operations.validate import VALIDATE
from fhir_server.operations.ws_binding import BINDING_TOKEN

CATALOG: Final[tuple[Operation, ...]] = (
    EVERYTHING,
    RECORD,
    LASTN,
    STATS,
    VALIDATE,
    META,
    META_ADD,
    META_DELETE,
    REINDEX,
    STATUS,
    EVENTS,
    BINDING_TOKEN,
    SIGNING_SECRET,
)
