"""A plan as one SQL statement, in one pass.

https://www.postgresql.org/docs/current/queries-table-expressions.html#QUERIES-LATERAL

Four forms. `plain`: all conditions on the table, in the plan's order. `walked`: when resources about certain Patients,
or with certain codes, are wanted by their date, an ordered index is walked for each, a page at most. `merged`: of several
types of which nothing more is wanted, the first rows of each. `gathered`: what chains, compartments or the tokens of several
types find, all of it before it is ordered. OFFSET 0 says so to the planner, who cannot know that they find little and would
go through everything in the order wanted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from fhir_server.search.access import Confined
from fhir_server.search.across_types import alike, matching
from fhir_server.search.branch import AnyOf, Reversed, Wanted, conditions_of
from fhir_server.search.chain import patient_keys
from fhir_server.search.conditions import hashed, predicate
from fhir_server.search.conditions import rows as found_in
from fhir_server.search.has import by_patient
from fhir_server.search.order import Position, following, following_missing, order_by, position, rows
from fhir_server.search.params import date
from fhir_server.search.params.date import stamp
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Condition
from fhir_server.search.params.sql import conjunction
from fhir_server.search.params.token import code_sets
from fhir_server.search.plan import Plan, chained_patients, is_coded, patients
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.store.rows import WIDE

_BY_DATE: Final = "r.date_lo"
_OF_THE_TYPE: Final = Predicate("r.type = t.type AND NOT r.deleted")
_WIDE: Final = Predicate(f"r.tokens @> '{{{WIDE}}}'::bigint[]")  # as the partial index has it


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters; rows are type number, id, version, rid, body, then the values that the order goes by.

    `recheck`: by type what only seems met, perhaps, each as alternatives. `stable`: the best plan is the same whatever the parameters are.
    """

    sql: str
    params: tuple[object, ...]
    recheck: Mapping[str, tuple[tuple[AnyCondition, ...], ...]] = field(default_factory=dict)
    stable: bool = False


_Sql: TypeAlias = Predicate  # any fragment of SQL with its parameters


def page(plan: Plan, after: Position | None, limit: int) -> Statement:
    """The statement for the first `limit` rows after `after`."""
    walk = _walk(plan)
    found = _found(plan, walk, after, limit)
    sql = (
        f"SELECT x.type, x.id, x.version, x.rid, x.body::text, {position(plan.sort, 'x.')} FROM ({found.sql}) x "
        f"ORDER BY {order_by(plan.sort, 'x.')} LIMIT {limit}"
    )
    exact = (None if walk.beside else walk.about, walk.coded) if walk else ()
    return Statement(sql, found.params, _recheck(plan, exact), stable=walk is not None and walk.stable)


def matches(plan: Plan) -> _Sql:
    """The query for every match, on whatever page."""
    where = _matching(plan)
    return Predicate(f"SELECT r.rid FROM resource r WHERE {where.sql}", where.params)


def keys(plan: Plan, limit: int) -> Statement:
    """The statement for the first `limit` matches in no particular order, for conditional interactions."""
    where = _matching(plan)
    sql = f"SELECT r.type, r.id, r.version, r.rid, r.body::text FROM resource r WHERE {where.sql} LIMIT %s"
    return Statement(sql, (*where.params, limit), _recheck(plan, ()))


def _recheck(plan: Plan, exact: Sequence[Wanted | None]) -> dict[str, tuple[tuple[AnyCondition, ...], ...]]:
    """What rests on hashes, but for what a walk made exact."""
    found = {}
    for branch in plan.branches:
        unsure = tuple(
            conditions_of(one)
            for one in branch.wanted
            if not any(one is sure for sure in exact) and any(map(hashed, conditions_of(one)))
        )
        if unsure:
            found[branch.resource_type] = unsure
    return found


def _found(plan: Plan, walk: "_Walk | None", after: Position | None, limit: int) -> _Sql:
    if walk is not None:
        return _walked(plan, walk, after, limit)
    wanted = [one for branch in plan.branches for one in branch.wanted]
    if not all(map(_is_met_one_by_one, wanted)):
        return _gathered(plan, after, limit)
    if len(plan.branches) == 1:
        return _plain(plan, after, limit)
    if any(one.parameter.column != "last_updated" for one in wanted if isinstance(one, Condition)):
        return _gathered(plan, after, limit)
    return _merged(plan, after, limit)


def _is_met_one_by_one(wanted: Wanted) -> bool:
    """Whether the planner knows how often it is met, or an index tells of each row cheaply."""
    if isinstance(wanted, Reversed):
        return by_patient(wanted.resource_type, wanted.parameter)
    return isinstance(wanted, Condition)


def _plain(plan: Plan, after: Position | None, limit: int) -> _Sql:
    where = conjunction([_matching(plan), *following(plan.sort, after)])
    return rows(where, plan.sort, limit)


def _gathered(plan: Plan, after: Position | None, limit: int) -> _Sql:
    where = _matching(plan)
    every = Predicate(f"(SELECT r.* FROM resource r WHERE {where.sql} OFFSET 0)", where.params)
    return rows(conjunction(following(plan.sort, after)), plan.sort, limit, of=every)


def _merged(plan: Plan, after: Position | None, limit: int) -> _Sql:
    parts = []
    for one in alike(plan.branches):
        first = rows(conjunction([_OF_THE_TYPE, one.where, *following(plan.sort, after)]), plan.sort, limit)
        sql = f"SELECT y.* FROM unnest(%s::smallint[]) AS t(type) CROSS JOIN LATERAL {first.sql} y"
        parts.append(Predicate(sql, (list(one.types), *first.params)))
    return Predicate(
        " UNION ALL ".join(part.sql for part in parts),
        tuple(value for part in parts for value in part.params),
    )


def _matching(plan: Plan) -> _Sql:
    """The rows of all branches."""
    return found_in(plan.branches[0]) if len(plan.branches) == 1 else matching(plan.branches)


@dataclass(frozen=True, slots=True)
class _Walk:
    """The condition that names the Patients, and the one that names the codings: one of them, both, or neither.

    `patients` gives the numbers of the Patients in a column `key`; `beside` what else meets `about`, no walk finds it.
    `stable` when nothing but Patients by their ids, codings and the date decides, so that no token's frequency changes
    the plan.
    """

    about: Wanted | None
    patients: _Sql | None
    beside: _Sql | None
    coded: AnyCondition | None
    stable: bool


def _walk(plan: Plan) -> _Walk | None:
    if plan.sort.first != _BY_DATE:
        return None
    coded = next((one for one in plan.wanted if isinstance(one, Condition) and is_coded(one)), None)
    about = next((one for one in plan.wanted if patients(one)), None) or next(
        (one for one in plan.wanted if chained_patients(one)), None
    )
    if about is None:
        if not all(map(_is_met_one_by_one, plan.wanted)):
            return None
        return _Walk(None, None, None, coded, _rests_on_columns(plan, coded))
    stable = isinstance(about, Condition) and _rests_on_columns(plan, about, coded)
    return _Walk(about, _patients(about), _beside(about), coded, stable)


def _patients(about: Wanted) -> _Sql:
    """The query for the numbers of the Patients that `about` names."""
    ids = patients(about)
    if ids is not None:
        named = ("= %s", ids[0]) if len(ids) == 1 else ("= ANY(%s::text[])", list(ids))
        return Predicate(f"SELECT key FROM patient_key WHERE id {named[0]}", (named[1],))
    chained = chained_patients(about)
    if chained is None:
        raise AssertionError(about)
    found = patient_keys(found_in(chained))
    return Predicate(f"{found.sql} OFFSET 0", found.params)


def _beside(about: Wanted) -> _Sql | None:
    """The rows that meet `about` without being about the Patients."""
    if not isinstance(about, AnyOf):
        return None
    first, *others = about.conditions
    elsewhere = Predicate(f"({predicate(first).sql}) IS NOT TRUE", predicate(first).params)
    return conjunction([predicate(AnyOf(tuple(others))), elsewhere])


def _rests_on_columns(plan: Plan, *walked: Wanted | None) -> bool:
    """Whether Patients, codings and dates are all that is asked, and all that decides what may be seen."""
    if not all(isinstance(one.access, Confined) or one.access == EVERYTHING for one in plan.branches):
        return False
    rest = [one for one in plan.wanted if not any(one is each for each in walked)]
    return all(isinstance(one, Condition) and one.parameter.column == "date" for one in rest)


def _walked(plan: Plan, walk: _Walk, after: Position | None, limit: int) -> _Sql:
    (branch,) = plan.branches
    rest = tuple(one for one in branch.wanted if one is not walk.about and one is not walk.coded)
    starts, each = list[_Sql](), list[_Sql]()
    if walk.patients:
        starts.append(Predicate(f"({walk.patients.sql}) p", walk.patients.params))
        each.append(
            Predicate("r.patient = p.key" if walk.coded else "r.patient + 0 = p.key")
        )  # names the index
    if walk.coded:
        sets = code_sets(walk.coded.asked)
        starts.append(Predicate(f"({sets.sql}) c", sets.params))
        each.append(Predicate("r.code_set = c.code_set"))
    matching = conjunction([*each, found_in(replace(branch, wanted=rest))])
    branches = [
        rows(conjunction([matching, part]), plan.sort, limit, nulls=False)
        for part in _branches(plan, walk, rest, after)
    ]
    crossed = "".join(f"{one.sql} CROSS JOIN " for one in starts)
    sql = f"SELECT y.* FROM {crossed}LATERAL ({' UNION ALL '.join(one.sql for one in branches)}) y"
    walked = Predicate(sql, tuple(value for one in (*starts, *branches) for value in one.params))
    if walk.beside is None:
        return walked
    others = replace(branch, wanted=tuple(one for one in branch.wanted if one is not walk.about))
    beside = rows(
        conjunction([walk.beside, found_in(others), *following(plan.sort, after)]), plan.sort, limit
    )
    return Predicate(f"{walked.sql} UNION ALL {beside.sql}", (*walked.params, *beside.params))


def _branches(plan: Plan, walk: _Walk, rest: tuple[Wanted, ...], after: Position | None) -> Iterator[_Sql]:
    """Disjoint parts of the matches, each of which an index gives in order.

    Where a date must be late enough, its end decides, and the index is ordered by its start. A range no longer than
    `date.NARROW` cannot start much before what is asked, so the index is entered there; longer ones have an
    index of their own.
    """
    dated = [
        one
        for one in rest
        if isinstance(one, Condition) and one.parameter.column == "date" and not one.modifier
    ]
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
            if walk.patients:
                long.append(Predicate("r.patient = p.key"))
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
