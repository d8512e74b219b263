"""The order of a page in SQL, and the condition for the rows that follow where the page before ended.

https://hl7.org/fhir/R4/search.html#sort
"""

from dataclasses import dataclass

from fhir_server.search.params.sql import any_of
from fhir_server.search.sort import Sort
from fhir_server.store.predicate import Predicate


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the value that the order goes by, as text (None: missing), and the row."""

    key: str | None
    rid: int


def rows(where: Predicate, sort: Sort, limit: int, *, nulls: bool = True) -> Predicate:
    """The query for the first `limit` rows that meet `where`, with all that a page needs of them."""
    columns = dict.fromkeys(("rid", "id", "version", sort.column, "body"))
    listed = ", ".join(f"r.{column}" for column in columns)
    sql = f"(SELECT {listed} FROM resource r WHERE {where.sql} ORDER BY {order_by(sort, 'r.', nulls=nulls)} LIMIT {limit})"
    return Predicate(sql, where.params)


def order_by(sort: Sort, alias: str, *, nulls: bool = True) -> str:
    """The order, in the words of the index that has it; `nulls` when values may be missing among the rows."""
    column = f"{alias}{sort.column}{' DESC' if sort.descending else ''}"
    last = " NULLS LAST" if nulls and sort.nullable and sort.descending else ""
    if sort.column == "id":
        return column
    return f"{column}{last}, {alias}rid{' DESC' if sort.tie_descending else ''}"


def following(sort: Sort, after: Position | None, *, nulls: bool = True) -> list[Predicate]:
    """The rows that follow `after`, those without a value among them unless `nulls` says that they are elsewhere."""
    if after is None:
        return []
    if after.key is None:
        return [Predicate(f"r.{sort.column} IS NULL"), *after_missing(sort, after)]
    value, column = f"%s::{sort.cast}", f"r.{sort.column}"
    if sort.column == "id":
        return [Predicate(f"{column} {'<' if sort.descending else '>'} {value}", (after.key,))]
    beyond, tie = ("<" if sort.descending else ">"), ("<" if sort.tie_descending else ">")
    bound = f"{column} {beyond}= {value} AND ({column} {beyond} {value} OR r.rid {tie} %s)"
    found = Predicate(bound, (after.key, after.key, after.rid))
    return (
        [any_of([Predicate(f"({bound})", found.params), Predicate(f"{column} IS NULL")])]
        if nulls and sort.nullable
        else [found]
    )


def after_missing(sort: Sort, after: Position | None) -> list[Predicate]:
    """Among the rows without a value, those that follow `after`."""
    if after is None or after.key is not None:
        return []
    return [Predicate(f"r.rid {'<' if sort.tie_descending else '>'} %s", (after.rid,))]
