"""The order of a page in SQL, and the condition for the rows that follow where the page before ended.

https://hl7.org/fhir/R4/search.html#sort

Rows leave a query with a column for each key, `k0` and on. Missing values come last in both directions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.search.params.sql import any_of, conjunction
from fhir_server.search.sort import Sort
from fhir_server.search.sort_key import SortKey
from fhir_server.store.predicate import NOTHING, Predicate


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the values that the order goes by, as text (None: missing), and the row."""

    values: tuple[str | None, ...]
    rid: int

    @property
    def valued(self) -> bool:
        """Whether the page ended among the rows that have a value to go by first."""
        return self.values[0] is not None


_EVERY = Predicate("resource")


def rows(
    where: Predicate, sort: Sort, limit: int, *, nulls: bool = True, of: Predicate = _EVERY
) -> Predicate:
    """The query for the first `limit` rows that meet `where`, with all that a page needs of them."""
    given = ", ".join(f"{sql} AS k{n}" for n, sql in enumerate(_expressions(sort)))
    sources = "".join(_sources(sort))
    order = _order(sort, _expressions(sort), "r.rid", nulls=nulls)
    sql = (
        f"(SELECT r.type, r.rid, r.id, r.version, {given}, r.body FROM {of.sql} r{sources} "
        f"WHERE {where.sql} ORDER BY {order} LIMIT {limit})"
    )
    return Predicate(sql, (*of.params, *where.params))


def position(sort: Sort, alias: str) -> str:
    """The values that a position is made of, of rows that `rows` gave."""
    return ", ".join(f"{alias}k{n}::text" for n in range(len(sort.keys)))


def order_by(sort: Sort, alias: str) -> str:
    """The order of rows that `rows` gave."""
    return _order(sort, [f"{alias}k{n}" for n in range(len(sort.keys))], f"{alias}rid", nulls=True)


def following(sort: Sort, after: Position | None, *, nulls: bool = True) -> list[Predicate]:
    """The rows that follow `after`, those without the first value among them unless they are elsewhere (`nulls`)."""
    if after is None:
        return []
    return [
        _beyond(
            sort, list(zip(sort.keys, _expressions(sort), after.values, strict=True)), after.rid, nulls=nulls
        )
    ]


def following_missing(sort: Sort, after: Position | None) -> list[Predicate]:
    """Among the rows without the first value, those that follow `after`."""
    if after is None or after.valued:
        return []
    return [_beyond(sort, list(zip(sort.keys, _expressions(sort), after.values, strict=True))[1:], after.rid)]


def _expressions(sort: Sort) -> list[str]:
    return [key.sql if key.column else f"s{n}.k" for n, key in enumerate(sort.keys)]


def _sources(sort: Sort) -> Iterator[str]:
    for n, key in enumerate(sort.keys):
        if not key.column:
            yield f" CROSS JOIN LATERAL ({key.sql}) s{n}"


def _order(sort: Sort, expressions: list[str], rid: str, *, nulls: bool) -> str:
    """The order, in the words of the index that has it; `nulls` when the first value may be missing among the rows."""
    words = []
    for n, (key, sql) in enumerate(zip(sort.keys, expressions, strict=True)):
        last = " NULLS LAST" if key.nullable and key.descending and (nulls or n > 0) else ""
        words.append(f"{sql}{' DESC' if key.descending else ''}{last}")
    if not sort.unique:
        words.append(f"{rid}{' DESC' if sort.tie_descending else ''}")
    return ", ".join(words)


def _beyond(
    sort: Sort, ended: list[tuple[SortKey, str, str | None]], rid: int, *, nulls: bool = True
) -> Predicate:
    """The rows that come after the values that a page `ended` with, key by key, then after the row."""
    if not ended:
        return (
            NOTHING if sort.unique else Predicate(f"r.rid {'<' if sort.tie_descending else '>'} %s", (rid,))
        )
    (key, sql, value), rest = ended[0], _beyond(sort, ended[1:], rid)
    if value is None:
        return conjunction([Predicate(f"{sql} IS NULL"), rest])
    beyond, asked = "<" if key.descending else ">", f"%s::{key.cast}"
    further = Predicate(f"{sql} {beyond} {asked}", (value,))
    if rest != NOTHING:
        either = any_of([further, rest])
        further = Predicate(f"({sql} {beyond}= {asked} AND {either.sql})", (value, *either.params))
    return any_of([further, Predicate(f"{sql} IS NULL")]) if nulls and key.nullable else further
