"""What the records of one request have in common, and which of its writes have theirs already.

docs/adr/0019-audit.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from fhir_server.audit.record import NOBODY, SUCCESS, Agent, Origin, Record
from fhir_server.store.rows import Method, Version

_ACTIONS: Final[Mapping[Method, str]] = MappingProxyType(
    {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
)
_PATIENT: Final = "Patient"


@dataclass(slots=True)
class Trail:
    """Filled while the request is served. `kept` are the versions whose records were committed with them.

    `action` is what it was, where its address does not tell: a batch. `further` are records to be kept beside the request's own: those of the entries of a Bundle. `form` is the body of a
    search that came as one.
    """

    origin: Origin
    agent: Agent = NOBODY
    form: bytes = b""
    action: str = ""
    kept: set[tuple[str, str, int]] = field(default_factory=set)
    further: list[Record] = field(default_factory=list)

    def written(self, version: Version) -> Record:
        """The record of a version that this request writes."""
        action = _ACTIONS[version.method]
        return self.made(action, version.type, version.id, version.version, version.patient)

    def made(self, action: str, type: str, id: str, version: int, patient: str | None) -> Record:
        """The record of a successful `action` on a version."""
        about = id if type == _PATIENT else patient
        return Record("rest", action, SUCCESS, self.agent, self.origin, type, id, version, about)

    def has(self, type: str, id: str, version: int | None) -> bool:
        """Whether that version's record is kept already."""
        return version is not None and (type, id, version) in self.kept
