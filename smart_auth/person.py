"""A person whom apps ask for: what they may grant, and whom they may see.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from smart_auth.scopes import Scope

Role: TypeAlias = Literal["admin", "practitioner", "patient"]

_EVERYTHING: Final = (Scope("patient", "*", "cruds"), Scope("user", "*", "cruds"))
_RIGHTS: Final = MappingProxyType(
    {
        "admin": _EVERYTHING,
        "practitioner": _EVERYTHING,
        "patient": (Scope("patient", "*", "cruds"), Scope("user", "*", "rs")),
    }
)


@dataclass(frozen=True, slots=True)
class Person:
    """An account that is not disabled: `fhir_user` is `Practitioner/1` or the like.

    `proxies` are the ids of further Patients whom they stand in for, `organizations` of the Organizations they work for.
    """

    id: str
    role: Role
    fhir_user: str | None = None
    proxies: frozenset[str] = frozenset()
    auditor: bool = False
    organizations: frozenset[str] = frozenset()

    @property
    def rights(self) -> tuple[Scope, ...]:
        """The most that this person can grant to an app."""
        return _RIGHTS[self.role]

    @property
    def patients(self) -> frozenset[str]:
        """The ids of the Patients whom a person with the role of a patient may see: themselves and their proxies."""
        kind, _, id = (self.fhir_user or "").partition("/")
        return self.proxies | {id} if kind == "Patient" and id else self.proxies
