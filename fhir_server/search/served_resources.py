"""Which scopes can be honoured here: the types there are, and the filters that access is held to.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.scope_filter import meeting


class ServedResources:
    """Implements `smart_auth.ports.Resources` by what the access predicate understands."""

    __slots__ = ()

    def is_type(self, name: str) -> bool:
        """Whether `name` is a type of resource."""
        return name in RESOURCE_TYPES

    def filters(self, type: str, parameter: str, value: str) -> bool:
        """Whether resources of the type can be told apart by this parameter and value, in every access."""
        return type in RESOURCE_TYPES and meeting(type, ((parameter, value),)) is not None
