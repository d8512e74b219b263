"""A plan as one SQL statement, in one pass.

https://www.postgresql.org/docs/current/queries-table-expressions.html#QUERIES-LATERAL

Two forms. `plain`: all conditions on the table, in the plan's order. `walked`: when resources about certain Patients,
or with certain codes, are wanted by their date, an ordered index is walked for each, a page at most.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.conditions import hashed, predicate
from fhir_server.search.order import Position, following, following_missing, order_by, position, rows
from fhir_server.search.params import date
from fhir_server.search.params.date import stamp
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.sql import conjunction
from fhir_server.search.params.token import code_sets
from fhir_server.search.plan import Plan, patients
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import WIDE

_BY_DATE: Final = "r.date_lo"
_WIDE: Final = Predicate(f"r.tokens @> '{{{WIDE}}}'::bigint[]")  # as the partial index has it


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters; rows are id, version, rid, body, then the values that the order goes by.

    `recheck`: what only seems met, perhaps. `stable`: the best plan is the same whatever the parameters are.
    """

    sql: str
    params: tuple[object, ...]
    recheck: tuple[AnyCondition, ...] = ()
    stable: bool = False


_Sql: TypeAlias = Predicate  # any fragment of SQL with its parameters


def page(plan: Plan, after: Position | None, limit: int) -> Statement:
    """The statement for the first `limit` rows after `after`."""
    walk = _walk(plan)
    found = _plain(plan, after, limit) if walk is None else _walked(plan, walk, after, limit)
    exact = {id(walk.about), id(walk.coded)} if walk else set[int]()
    recheck = tuple(one for one in plan.conditions if hashed(one) and id(one) not in exact)
    sql = (
        f"SELECT x.id, x.version, x.rid, x.body::text, {position(plan.sort, 'x.')} FROM ({found.sql}) x "
        f"ORDER BY {order_by(plan.sort, 'x.')} LIMIT {limit}"
    )
    return Statement(sql, found.params, recheck, stable=walk is not None and _rests_on_columns(plan, walk))


def total(plan: Plan) -> Statement:
    """The statement that counts every match, on whatever page."""
    matches = _matching(plan, plan.conditions)
    return Statement(f"SELECT count(*) FROM resource r WHERE {matches.sql}", matches.params)


def keys(plan: Plan, limit: int) -> Statement:
    """The statement for the first `limit` matches in no particular order, for conditional interactions."""
    matches = _matching(plan, plan.conditions)
    recheck = tuple(one for one in plan.conditions if hashed(one))
    sql = f"SELECT r.id, r.version, r.rid, r.body::text FROM resource r WHERE {matches.sql} LIMIT %s"
    return Statement(sql, (*matches.params, limit), recheck)


@dataclass(frozen=True, slots=True)
class _Walk:
    """The condition that names the Patients, and the one that names the codings: one of them, or both."""

    about: AnyCondition | None
    ids: tuple[str, ...]
    coded: AnyCondition | None


def _walk(plan: Plan) -> _Walk | None:
    if plan.sort.first != _BY_DATE:
        return None
    coded = next((one for one in plan.conditions if one.parameter.coded and not one.modifier), None)
    for one in plan.conditions:
        ids = patients(one)
        if ids is not None:
            return _Walk(one, ids, coded)
    return _Walk(None, (), coded) if coded else None


def _rests_on_columns(plan: Plan, walk: _Walk) -> bool:
    """Whether nothing but Patients, codings and the date decides, so that no token's frequency changes the plan."""
    return all(one in (walk.about, walk.coded) or one.parameter.column == "date" for one in plan.conditions)


def _plain(plan: Plan, after: Position | None, limit: int) -> _Sql:
    where = conjunction([_matching(plan, plan.conditions), *following(plan.sort, after)])
    return rows(where, plan.sort, limit)


def _walked(plan: Plan, walk: _Walk, after: Position | None, limit: int) -> _Sql:
    rest = tuple(one for one in plan.conditions if one is not walk.about and one is not walk.coded)
    starts, each = list[_Sql](), list[_Sql]()
    if walk.about:
        named = ("= %s", walk.ids[0]) if len(walk.ids) == 1 else ("= ANY(%s::text[])", list(walk.ids))
        starts.append(Predicate(f"(SELECT key FROM patient_key WHERE id {named[0]}) p", (named[1],)))
        each.append(Predicate("r.patient = p.key"))
    if walk.coded:
        sets = code_sets(walk.coded.asked)
        starts.append(Predicate(f"({sets.sql}) c", sets.params))
        each.append(Predicate("r.code_set = c.code_set"))
    matching = conjunction([*each, _matching(plan, rest)])
    branches = [
        rows(conjunction([matching, part]), plan.sort, limit, nulls=False)
        for part in _branches(plan, rest, after)
    ]
    sql = (
        f"SELECT y.* FROM {' CROSS JOIN '.join(one.sql for one in starts)} "
        f"CROSS JOIN LATERAL ({' UNION ALL '.join(one.sql for one in branches)}) y"
    )
    return Predicate(sql, tuple(value for one in (*starts, *branches) for value in one.params))


def _branches(plan: Plan, rest: tuple[AnyCondition, ...], after: Position | None) -> Iterator[_Sql]:
    """Disjoint parts of the matches, each of which an index gives in order.

    Where a date must be late enough, its end decides, and the index is ordered by its start. A range no longer than
    `date.NARROW` cannot start much before what is asked, so the index is entered there; longer ones have an
    index of their own.
    """
    dated = [one for one in rest if one.parameter.column == "date" and not one.modifier]
    floor = _floor(dated)
    known = Predicate("r.date_lo IS NOT NULL")
    if after is None or after.valued:
        keyset = following(plan.sort, after, nulls=False)
        if floor is None:
            yield conjunction([known, *keyset])
        else:
            since = stamp(floor)
            yield conjunction([Predicate("r.date_lo >= %s::timestamptz", (since,)), *keyset])
            long = [Predicate("r.date_lo < %s::timestamptz", (since,)), _WIDE]
            yield conjunction([*long, *keyset])
    if not dated:
        yield conjunction([Predicate("r.date_lo IS NULL"), *following_missing(plan.sort, after)])


def _floor(dated: list[AnyCondition]) -> datetime | None:
    """What the start of a narrow match cannot be before."""
    floors = []
    for one in dated:
        each = [date.floor(asked) for asked in one.asked if isinstance(asked, date.Asked)]
        known = [moment for moment in each if moment is not None]
        if each and len(known) == len(each):
            floors.append(min(known))
    return max(floors, default=None)


def _matching(plan: Plan, conditions: tuple[AnyCondition, ...]) -> _Sql:
    return conjunction(
        [
            Predicate("r.type = %s AND NOT r.deleted", (RESOURCE_TYPES[plan.resource_type],)),
            *(predicate(one) for one in conditions),
            Predicate(f"({plan.access.sql})", plan.access.params),
        ]
    )
