"""Columns of a batch as PostgreSQL arrays in binary, built in one pass each.

https://www.postgresql.org/docs/current/arrays.html; docs/adr/0001-storage-layout.md has the measurement against COPY
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import psycopg
from psycopg.abc import DumperKey, PyFormat
from psycopg.adapt import Dumper
from psycopg.pq import Format

_INT8, _INT4, _INT2, _TEXT, _TIMESTAMPTZ, _BYTEA, _UUID = 20, 23, 21, 25, 1184, 17, 2950
_ARRAY_OF = {
    _INT8: 1016,
    _INT4: 1007,
    _INT2: 1005,
    _TEXT: 1009,
    _TIMESTAMPTZ: 1185,
    _BYTEA: 1001,
    _UUID: 2951,
}  # from pg_type
_NULL = struct.pack(">i", -1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_MINUS_INFINITY, _INFINITY = -(2**63), 2**63 - 1


class Array:
    """One array parameter: the element's type and its bytes in PostgreSQL's binary form."""

    __slots__ = ("encoded", "oid")

    def __init__(self, element: int, items: Sequence[bytes]) -> None:
        self.oid = _ARRAY_OF[element]
        head = (
            struct.pack(">iiIii", 1, 1, element, len(items), 1)
            if items
            else struct.pack(">iiI", 0, 0, element)
        )
        self.encoded = head + b"".join(items)


def bigints(values: Iterable[int | None]) -> Array:
    """A bigint[]."""
    pack = struct.Struct(">iq").pack
    return Array(_INT8, [_NULL if value is None else pack(8, value) for value in values])


def integers(values: Iterable[int]) -> Array:
    """An integer[]."""
    pack = struct.Struct(">ii").pack
    return Array(_INT4, [pack(4, value) for value in values])


def smallints(values: Iterable[int]) -> Array:
    """A smallint[]."""
    pack = struct.Struct(">ih").pack
    return Array(_INT2, [pack(2, value) for value in values])


def texts(values: Iterable[bytes | None]) -> Array:
    """A text[] of UTF-8."""
    return _bytes(_TEXT, values)


def byteas(values: Iterable[bytes | None]) -> Array:
    """A bytea[]."""
    return _bytes(_BYTEA, values)


def uuids(values: Iterable[bytes]) -> Array:
    """A uuid[] of ids as their 16 bytes."""
    return _bytes(_UUID, values)


def instants(values: Iterable[datetime | None]) -> Array:
    """A timestamptz[]; the first and last moments of `datetime` are -infinity and infinity."""
    pack = struct.Struct(">iq").pack
    return Array(
        _TIMESTAMPTZ, [_NULL if value is None else pack(8, _microseconds(value)) for value in values]
    )


def _bytes(element: int, values: Iterable[bytes | None]) -> Array:
    pack = struct.Struct(">i").pack
    return Array(element, [_NULL if value is None else pack(len(value)) + value for value in values])


def register_arrays(connection: psycopg.AsyncConnection) -> None:
    """Lets `connection` take an Array as a parameter."""
    connection.adapters.register_dumper(Array, _ArrayDumper)


def _microseconds(moment: datetime) -> int:
    if moment == _FIRST:
        return _MINUS_INFINITY
    if moment == _LAST:
        return _INFINITY
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.encoded

    def get_key(self, obj: Array, format: PyFormat) -> DumperKey:  # noqa: ARG002  psycopg's signature
        return (Array, obj.oid)  # type: ignore[return-value]  # any hashable will do: a dumper for each array type

    def upgrade(self, obj: Array, format: PyFormat) -> "_ArrayDumper":  # noqa: ARG002  psycopg's signature
        dumper = _ArrayDumper(Array)
        dumper.oid = obj.oid
        return dumper
