"""What a caller may see, as a condition in SQL that every statement about resources carries.

https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html

Fails closed: a caller without a scope that grants the interaction gets no condition at all, but Forbidden.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, TypeAlias

from fhir_server.errors import Forbidden
from fhir_server.store.predicate import EVERYTHING, Predicate
from smart_auth.principal import Principal
from smart_auth.scopes import EVERY_TYPE, scope

# the rows of a type that one caller may use in an interaction; raises Forbidden when no scope grants it
Access: TypeAlias = Callable[[str, str], Predicate]

# what looks after the server: no scope grants it
ADMINISTER: Final = "administer"

# the letter of a SMART v2 scope that each kind of interaction needs; the history of many resources is a search
_PERMISSION: Final = MappingProxyType(
    {
        "create": "c",
        "read": "r",
        "update": "u",
        "delete": "d",
        "search": "s",
        "history": "s",
    }
)


def access(principal: Principal) -> Access:
    """What `principal` may see, type by type: searches reach into others than the one they are asked of."""
    return partial(predicate, principal)


def predicate(principal: Principal, resource_type: str | None, interaction: str) -> Predicate:
    """The rows of `resource_type` (None: of every type) that the caller may use in `interaction`.

    Raises Forbidden, before a row is looked at, when no scope of the caller grants it.
    """
    if interaction == ADMINISTER:
        if not principal.administrator:
            raise Forbidden("Only administrators may do this. Ask one of them.")
        return EVERYTHING
    permission = _PERMISSION.get(interaction)
    if permission is None or not _granted(principal.scopes, resource_type or EVERY_TYPE, permission):
        raise Forbidden(
            f"Your scopes do not grant {interaction} on {resource_type or 'every type'}. Ask for one that does."
        )
    return EVERYTHING


@lru_cache(maxsize=4096)
def _granted(scopes: frozenset[str], resource_type: str, permission: str) -> bool:
    """Whether a scope of the whole system grants it; those of patients and users, and of some resources only, do not yet."""
    known = [found for text in scopes if (found := scope(text))]
    return any(
        one.level == "system" and not one.filters and one.grants(resource_type, permission) for one in known
    )
