"""The records of requests to `/api`.

docs/adr/0019-audit.md
"""

from typing import Final

from fastapi import Request

from fhir_server.audit.origin import ORIGIN
from fhir_server.audit.record import NOBODY, Record, outcome
from fhir_server.rest.audited import agent, origin
from smart_auth.principal import Principal

_VERBS: Final = {
    "GET": "read",
    "HEAD": "read",
    "POST": "create",
    "PUT": "update",
    "PATCH": "update",
    "DELETE": "delete",
}
_PATIENTS: Final = "patients"
_LONGEST: Final = 64


def api_record(request: Request, path: str, principal: Principal | None, status: int) -> Record:
    """What the audit keeps of a request to the route at `path`: a view of a patient's data, or the work of an administrator.

    What is done to something that is there (`/api/devices/{key}/enable`) is an update of it.
    """
    parts = path.strip("/").split("/")
    what = parts[1] if len(parts) > 1 else parts[0]
    named = next(iter(request.path_params.values()), None)
    id = "" if named is None else "".join(filter(str.isprintable, str(named)[:_LONGEST]))
    of_patient = what == _PATIENTS
    verb = _VERBS.get(request.method, "update")
    if verb == "create" and id:
        verb = "update"
    one = what.removesuffix("s")
    return Record(
        "rest" if of_patient else "administration",
        verb if of_patient else f"{one}-{verb}",
        outcome(status),
        NOBODY if principal is None else agent(principal),
        origin(request.scope),
        one.capitalize(),
        id,
        patient=id if of_patient else None,
        name=f"{request.method} {path}",
        parameters=tuple(dict.fromkeys(request.query_params.keys())) if status < 400 else (),
        reason=str(status),
    )


def admission_record(action: str, principal: Principal | None, status: int) -> Record:
    """What the audit keeps of a caller who was let in to do `action`, or was not."""
    by = NOBODY if principal is None else agent(principal)
    return Record("administration", action, outcome(status), by, ORIGIN.get(), reason=str(status))
