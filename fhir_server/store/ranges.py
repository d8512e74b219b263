"""The dates, numbers and strings of resources beyond their own columns, a row for each.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fhir_server.store.arrays import Array, bigints, instants, integers, texts
from fhir_server.store.interning import Interned
from fhir_server.store.rows import IndexRow

Rows = Sequence[tuple[int, IndexRow]]


class Insert(NamedTuple):
    """An INSERT that may be a part of a larger statement, with its parameters."""

    sql: str
    params: tuple[Array, ...]


def range_inserts(rows: Rows, interned: Interned, owners: str) -> list[Insert]:
    """The statements, as parts of a larger one, that store what `rows` (rid and index) have; none for a kind that none has.

    `interned` knows their sets of codings. `owners` is the table or WITH query whose rids count: the rows of others are left out.
    """
    found = [(kind, columns(rows, interned)) for kind, columns in _KINDS.items()]
    return [Insert(kind.format(owners=owners), columns) for kind, columns in found if columns]


def _dates(rows: Rows, _: Interned) -> tuple[Array, ...]:
    found = [(rid, date) for rid, row in rows for date in row.dates]
    return (
        ()
        if not found
        else (
            bigints([rid for rid, _ in found]),
            integers([date.param for _, date in found]),
            instants([date.lo for _, date in found]),
            instants([date.hi for _, date in found]),
        )
    )


def _numbers(rows: Rows, interned: Interned) -> tuple[Array, ...]:
    found = [(rid, number) for rid, row in rows for number in row.numbers]
    return (
        ()
        if not found
        else (
            bigints([rid for rid, _ in found]),
            integers([number.param for _, number in found]),
            bigints([number.unit and number.unit.hash for _, number in found]),
            bigints([interned.code_set(number.codings) for _, number in found]),
            texts([str(number.lo).encode() for _, number in found]),
            texts([str(number.hi).encode() for _, number in found]),
        )
    )


def _strings(rows: Rows, _: Interned) -> tuple[Array, ...]:
    found = [(rid, string) for rid, row in rows for string in row.strings]
    return (
        ()
        if not found
        else (
            bigints([rid for rid, _ in found]),
            integers([string.param for _, string in found]),
            texts([string.folded.encode() for _, string in found]),
            texts([string.exact.encode() for _, string in found]),
        )
    )


_KINDS: dict[str, Callable[[Rows, Interned], tuple[Array, ...]]] = {
    """INSERT INTO resource_date (rid, param, lo, hi)
       SELECT v.rid, v.param, v.lo, v.hi FROM unnest(%b, %b, %b, %b) AS v (rid, param, lo, hi)
         JOIN {owners} USING (rid)""": _dates,
    """INSERT INTO resource_number (rid, param, unit, code_set, lo, hi)
       SELECT v.rid, v.param, v.unit, v.code_set, v.lo::numeric, v.hi::numeric
         FROM unnest(%b, %b, %b, %b, %b, %b) AS v (rid, param, unit, code_set, lo, hi)
         JOIN {owners} USING (rid)""": _numbers,
    """INSERT INTO resource_string (rid, param, folded, exact)
       SELECT v.rid, v.param, v.folded, v.exact FROM unnest(%b, %b, %b, %b) AS v (rid, param, folded, exact)
         JOIN {owners} USING (rid)""": _strings,
}
