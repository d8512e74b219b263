"""A caller that proved who they are.

https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html
"""

from dataclasses import dataclass
from typing import Final

EVERY_SCOPE: Final = frozenset({"system/*.cruds"})


@dataclass(frozen=True, slots=True)
class Principal:
    """`subject` names the caller, stable between requests; `scopes` are the SMART v2 scopes granted, none means nothing."""

    subject: str
    scopes: frozenset[str]
