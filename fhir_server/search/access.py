"""What a caller may see, as a condition in SQL that every statement about resources carries.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html; docs/adr/0017-access.md

Fails closed: a caller without a scope that grants the interaction gets no condition at all, but Forbidden. The condition for
a type is that of any of the scopes that grant the permission on it: whom the scope's level reaches, and what its filters ask.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Forbidden, ScopeMissing
from fhir_server.search import record_rows, scope_filter
from fhir_server.search.params import reference
from fhir_server.search.params.sql import any_of, conjunction
from fhir_server.search.people import OneInCare, Whom, in_care, people_of, reached, while_in_care
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.store.rows import Key
from smart_auth.principal import CareOf, Everything, Patients, Principal, Reach
from smart_auth.scopes import EVERY_TYPE, Level, Scope, scope

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

_AUDIT: Final = "AuditEvent"  # of those who audit alone, whatever scopes say
_SUBSCRIPTION: Final = "Subscription"  # of whoever asked for it and of administrators, whatever scopes say
_TEAM: Final = "CareTeam"
_IDENTITY: Final = frozenset({"openid", "fhirUser"})
_OF_INGEST: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

# what belongs to no patient: open to all who treat patients here
_DIRECTORY: Final = reference.MENTIONED - {"Device", "DeviceMetric"}


@dataclass(frozen=True, slots=True)
class Confined(Predicate):
    """A condition that only rows about these `patients`, by id, meet: an index by patient finds them, and no other does."""

    patients: frozenset[str] = frozenset()


class _Rights(NamedTuple):
    """What of a caller decides what they may see; callers with equal ones share the conditions made of them."""

    scopes: frozenset[str]
    patient: str | None
    reach: Reach | None
    person: str | None
    auditor: bool


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
    found = None if permission is None else _granted(_rights(principal), resource_type, permission)
    if permission is None or found is None:
        raise _refused(principal, resource_type, interaction)
    return _of_owner(principal, resource_type, permission, found)


def owner_key(principal: Principal) -> str:
    """What makes two callers the same owner of a Subscription: the app, whom it acts for, and the patient it was launched for."""
    key = f"{principal.client or ''}|{principal.subject}"
    is_held_to_one = any(scope.startswith("patient/") for scope in principal.scopes)
    return f"{key}|{principal.patient or ''}" if is_held_to_one else key


def _refused(principal: Principal, resource_type: str | None, interaction: str) -> Forbidden:
    """What to raise, with the scope that is missing, unless none at the caller's level would do."""
    text = f"Your scopes do not grant {interaction} on {resource_type or 'any type'}. Ask for one that does."
    permission = _PERMISSION.get(interaction)
    mine = resource_type != _AUDIT or principal.user is None or principal.auditor
    if (
        permission is None
        or not mine
        or _granting(_rights(principal), resource_type or EVERY_TYPE, permission)
    ):
        return Forbidden(text)
    level = "patient" if principal.patient else "user" if principal.user else "system"
    return ScopeMissing(text, f"{level}/{resource_type or EVERY_TYPE}.{permission}")


def may_choose_ids(principal: Principal, resource_type: str) -> bool:
    """Whether an update may make a resource under an id that is not taken: not for those who act for a person.

    To them an id that is taken by what they may not see must not look different from one that is free.
    """
    return any(
        one.level == "system" for one in _granting(_rights(principal), resource_type, _PERMISSION["update"])
    )


def opens_by_naming(principal: Principal, resource_type: str, interaction: str) -> bool:
    """Whether a reference that the caller writes could show them what they may not see: theirs is a few records."""
    rights = _rights(principal)
    levels = {one.level for one in _granting(rights, resource_type, _PERMISSION[interaction])}
    return not any(isinstance(_reached(rights, level), Everything) for level in levels)


def by_itself(principal: Principal, resource_type: str) -> Predicate:
    """The rows of the type that are the caller's whoever names them: a reference to these opens nothing to them."""
    rights = _rights(principal)
    reaches = _reaches(rights, resource_type, "r") or _reaches(rights, resource_type, "c")
    found = [_own(reach, resource_type) for reach in reaches]
    return any_of(one for one in found if one is not None)


def by_other_documents(principal: Principal, written: Collection[Key]) -> Predicate:
    """The Binaries that documents name which the caller may read, those just `written` not counted."""
    rights, found = _rights(principal), list[Predicate]()

    def readable(type: str) -> Predicate | None:
        ids = [id for other, id in written if other == type]
        granted = _readable(rights, type)
        return granted and conjunction([granted, Predicate("r.id <> ALL(%s::text[])", (ids,))])

    for reach in _reaches(rights, record_rows.BINARY, "r"):
        if isinstance(reach, Everything):
            return EVERYTHING
        found.append(while_in_care(reach, record_rows.filed(people_of(reach), readable)))
    return any_of(found)


def without_teams(principal: Principal, ids: Iterable[str]) -> Predicate:
    """The CareTeams that are the caller's to write, those with the `ids` not counted: a team must not open its own patient."""
    rights, found = _rights(principal), list[Predicate]()
    for level in {one.level for one in _granting(rights, _TEAM, "u")} | {
        one.level for one in _granting(rights, _TEAM, "c")
    }:
        match _reached(rights, level):
            case CareOf() as reach:
                found.append(in_care(reach, ids).about())
            case OneInCare() as reach:
                found.append(while_in_care(reach, people_of(reach).about(), ids))
            case reach if (own := _own(reach, _TEAM)) is not None:
                found.append(own)
    return any_of(found)


def refuse_ids_of_ingest(principal: Principal, id: str) -> None:
    """Nothing; raises Forbidden for an id that readings have: these are written by ingest, and by administrators."""
    if not principal.administrator and _OF_INGEST.fullmatch(id):
        raise Forbidden("What devices measured is not changed by scopes. Ask an administrator.")


def caller(principal: Principal) -> str:
    """What a link to a next page is bound to: who asked, with which scopes, for whom."""
    return repr(
        (principal.subject, principal.auditor, sorted(principal.scopes), principal.patient, _reach(principal))
    )


def _reach(principal: Principal) -> tuple[object, ...]:
    match principal.reach:
        case Patients(ids):
            return ("patients", *sorted(ids))
        case CareOf(practitioner, organizations):
            return ("care", practitioner, *sorted(organizations))
        case Everything():
            return ("everything",)
    return ()


def _rights(principal: Principal) -> _Rights:
    person = principal.fhir_user if principal.scopes >= _IDENTITY else None
    return _Rights(principal.scopes, principal.patient, principal.reach, person, principal.auditor)


def _of_owner(
    principal: Principal, resource_type: str | None, permission: str, found: Predicate
) -> Predicate:
    """Those of the rows that are no Subscriptions, or the caller's own; deleted ones keep their owner."""
    if resource_type not in (None, _SUBSCRIPTION) or principal.administrator:
        return found
    if _granted(_rights(principal), _SUBSCRIPTION, permission) is None:
        return found
    own = Predicate(
        "EXISTS (SELECT FROM subscription s WHERE s.id = r.id AND s.owner_key = %s)", (owner_key(principal),)
    )
    if resource_type is None:
        number = RESOURCE_TYPES[_SUBSCRIPTION]
        own = Predicate(f"(r.type <> %s OR {own.sql})", (number, *own.params))
    return conjunction([found, own])


def _granted(rights: _Rights, resource_type: str | None, permission: str) -> Predicate | None:
    """The rows that the scopes grant the permission on; None where there are none, whatever is stored."""
    if resource_type is None:
        return _of_every_type(rights, permission)
    return _of_type(rights, resource_type, permission)


@lru_cache(maxsize=16_384)
def _of_type(rights: _Rights, resource_type: str, permission: str) -> Predicate | None:
    found = [
        part
        for one in _granting(rights, resource_type, permission)
        if (part := _by(rights, one, resource_type, permission)) is not None
    ]
    if permission == "r" and (own := _person(rights, resource_type)) is not None:
        found.append(own)
    return _any(found) if found else None


def _granting(rights: _Rights, resource_type: str, permission: str) -> Iterable[Scope]:
    """The scopes that grant the permission on the type."""
    if resource_type == _AUDIT and not rights.auditor:
        return ()
    known = (found for text in sorted(rights.scopes) if (found := scope(text)) is not None)
    return tuple(one for one in known if one.grants(resource_type, permission))


@lru_cache(maxsize=512)
def _of_every_type(rights: _Rights, permission: str) -> Predicate | None:
    """Kept apart from those of single types, of which each would push out as many as there are types."""
    groups = dict[str, tuple[Predicate, list[int]]]()
    for name, number in RESOURCE_TYPES.items():
        one = _of_type.__wrapped__(rights, name, permission)
        if one is not None:
            groups.setdefault(repr((one.sql, one.params)), (one, []))[1].append(number)
    if [len(numbers) for _, numbers in groups.values()] == [len(RESOURCE_TYPES)]:
        return next(one for one, _ in groups.values())
    parts = [
        conjunction([Predicate("r.type = ANY(%s::smallint[])", (numbers,)), one])
        for one, numbers in groups.values()
    ]
    return any_of(parts) if parts else None


def _by(rights: _Rights, one: Scope, resource_type: str, permission: str) -> Predicate | None:
    """The rows that a scope grants: of those whom its level reaches, what meets its filters."""
    meeting = scope_filter.meeting(resource_type, one.filters)
    if meeting is None:
        return None
    match _reached(rights, one.level):
        case None:
            return None
        case Everything():
            return meeting
        case _ if resource_type == _SUBSCRIPTION:
            return meeting  # about no patient: who owns it is looked at beside
        case CareOf() if resource_type in _DIRECTORY and permission in ("r", "s"):
            return meeting
        case reach:
            people = people_of(reach)
            within = record_rows.rows(resource_type, people, permission, partial(_readable, rights))
            if within is None:
                return None
            within = while_in_care(reach, within)
            if people.named is None or not record_rows.is_about_one(resource_type):
                return conjunction([within, meeting])
            both = conjunction([within, _only_looked_at(meeting)])
            return Confined(both.sql, both.params, people.named)


def _only_looked_at(meeting: Predicate) -> Predicate:
    """The same rows, found by another condition: the planner neither enters an index with it nor asks how rare it is.

    So one plan is the best for every value, and is not made anew for each search.
    """
    return (
        meeting
        if meeting == EVERYTHING
        else Predicate(f"CASE WHEN {meeting.sql} THEN TRUE END", meeting.params)
    )


def _reaches(rights: _Rights, resource_type: str, permission: str) -> list[Whom]:
    """Whom the scopes that grant the permission on the type act on."""
    levels = {one.level for one in _granting(rights, resource_type, permission)}
    return [reach for level in sorted(levels) if (reach := _reached(rights, level)) is not None]


def _readable(rights: _Rights, resource_type: str) -> Predicate | None:
    return _granted(rights, resource_type, "r")


def _reached(rights: _Rights, level: Level) -> Whom | None:
    return reached(level, rights.patient, rights.reach)


def _own(reach: Whom | None, resource_type: str) -> Predicate | None:
    match reach:
        case None:
            return None
        case Everything():
            return EVERYTHING
        case CareOf() if resource_type != record_rows.BINARY:
            return EVERYTHING
        case some:
            own = record_rows.owned(resource_type, people_of(some))
            return own and while_in_care(some, own)


def _person(rights: _Rights, resource_type: str) -> Predicate | None:
    """The resource that stands for the user themselves, who may read it.

    https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
    """
    type, _, id = (rights.person or "").rpartition("/")
    return Predicate("r.id = %s", (id,)) if type.rpartition("/")[2] == resource_type and id else None


def _any(found: list[Predicate]) -> Predicate:
    """The rows of any of the conditions, each once; those about certain patients if all are."""
    if EVERYTHING in found:
        return EVERYTHING
    distinct = [one for number, one in enumerate(found) if one not in found[:number]]
    if len(distinct) == 1:
        return distinct[0]
    either = any_of(distinct)
    confined = [one for one in distinct if isinstance(one, Confined)]
    if len(confined) < len(distinct):
        return either
    return Confined(either.sql, either.params, frozenset().union(*(one.patients for one in confined)))
