"""One call of an operation: all that it needs to serve it, apart from HTTP.

https://hl7.org/fhir/R4/operations.html#executing
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fhir_server.interactions.condition import Condition
from fhir_server.operations.arguments import Arguments
from fhir_server.operations.operation import Level
from fhir_server.search.access import predicate
from fhir_server.settings import Settings
from fhir_server.store.database import Database
from fhir_server.store.predicate import Predicate
from smart_auth.principal import Principal
from terminology.service import TerminologyService


@dataclass(frozen=True, slots=True)
class Invocation:
    """`type`, `id` and `version` are empty where the level has none.

    `access` shows what the operation's own permission grants on `type`; `here` is the address it was called at.
    `signing_secret` gives the secret of a Subscription by its id.
    """

    level: Level
    type: str
    id: str
    version: str
    arguments: Arguments
    access: Predicate
    principal: Principal
    condition: Condition
    now: datetime
    base_url: str
    here: str
    database: Database
    settings: Settings
    cursor_key: bytes
    terminology: TerminologyService
    signing_secret: Callable[[str], str]

    def granted(self, resource_type: str, interaction: str) -> Predicate:
        """The rows of another type, or for another interaction, that the caller may use; raises Forbidden for none."""
        return predicate(self.principal, resource_type, interaction)
