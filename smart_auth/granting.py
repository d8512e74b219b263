"""Which of the scopes that an app asks for it is granted: those that its registration and the person's rights both allow.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from smart_auth.person import Person
from smart_auth.ports import Resources
from smart_auth.scopes import EVERY_TYPE, Scope, scope

AUDIT: Final = "AuditEvent"
_ORDER: Final = "cruds"
_LEVELS: Final = ("patient/", "user/", "system/")
_LITERAL: Final = "|:/,"
_VERSION_1: Final = MappingProxyType({"rs": "read", "cud": "write", "cruds": "*"})


def understood(text: str, resources: Resources) -> Scope | None:
    """The scope on resources that `text` is; None for any other text, an unknown type, or a filter that cannot be applied."""
    found = scope(text)
    if found is None or not (found.resource_type == EVERY_TYPE or resources.is_type(found.resource_type)):
        return None
    applicable = all(resources.filters(found.resource_type, *each) for each in found.filters)
    return found if applicable else None


def granted(
    requested: Iterable[str], registered: Sequence[str], resources: Resources, person: Person | None = None
) -> tuple[str, ...]:
    """What of `requested` is granted, each narrowed as far as it must be, in the form and order it was asked for.

    Without a person it is what a backend gets for itself.
    """
    allowed = [one for one in map(scope, registered) if one is not None]
    found: dict[str, None] = {}
    for text in requested:
        asked = understood(text, resources)
        if asked is None:
            if text in registered and not text.startswith(_LEVELS):
                found[text] = None
            continue
        parts = _within([asked], allowed)
        if person is not None:
            parts = _within(parts, person.rights)
        auditor = person.auditor if person is not None else any(one.resource_type == AUDIT for one in allowed)
        parts = [part for part in parts if auditor or part.resource_type != AUDIT]
        found.update(dict.fromkeys([text] if parts == [asked] else [_text(part, text) for part in parts]))
    return tuple(found)


def narrower(requested: Sequence[str], held: Sequence[str], resources: Resources) -> tuple[str, ...] | None:
    """`requested`, when each of it is within what is held; None when one is not.

    https://www.rfc-editor.org/rfc/rfc6749#section-6
    """
    within = granted(requested, held, resources)
    return within if within == tuple(dict.fromkeys(requested)) else None


def _within(asked: Iterable[Scope], allowed: Iterable[Scope]) -> list[Scope]:
    """What `asked` and `allowed` have in common; permissions on the same resources together, and nothing said twice."""
    permissions: dict[tuple[str, str, tuple[tuple[str, str], ...]], set[str]] = {}
    for one in asked:
        for other in allowed:
            resource_type = _common_type(one.resource_type, other.resource_type)
            common = set(one.permissions) & set(other.permissions)
            if one.level == other.level and resource_type and common:
                filters = tuple(dict.fromkeys((*one.filters, *other.filters)))
                permissions.setdefault((one.level, resource_type, filters), set()).update(common)
    found = [
        Scope(level, resource_type, "".join(letter for letter in _ORDER if letter in letters), filters)  # type: ignore[arg-type]  # from a Scope
        for (level, resource_type, filters), letters in permissions.items()
    ]
    return [one for one in found if not any(other != one and _covers(other, one) for other in found)]


def _covers(wide: Scope, narrow: Scope) -> bool:
    return (
        wide.level == narrow.level
        and wide.grants(narrow.resource_type, narrow.permissions)
        and set(wide.filters) <= set(narrow.filters)
    )


def _common_type(one: str, other: str) -> str | None:
    if one in (EVERY_TYPE, other):
        return other
    return one if other == EVERY_TYPE else None


def _text(part: Scope, asked: str) -> str:
    """`part` in the version of scopes in which it was asked for, where it can be said in that."""
    form = _VERSION_1.get(part.permissions)
    letters = (
        form if form and not part.filters and asked.endswith((".read", ".write", ".*")) else part.permissions
    )
    query = "&".join(f"{parameter}={quote(value, _LITERAL)}" for parameter, value in part.filters)
    return f"{part.level}/{part.resource_type}.{letters}" + (f"?{query}" if query else "")
