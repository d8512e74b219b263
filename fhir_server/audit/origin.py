"""Where the request that is being served came from, for those further in who are not told of requests.

https://docs.python.org/3/library/contextvars.html
"""

from contextvars import ContextVar
from typing import Final

from fhir_server.audit.record import Origin

_NOWHERE: Final = Origin()
ORIGIN: Final = ContextVar("fhir_server.audit.origin", default=_NOWHERE)
