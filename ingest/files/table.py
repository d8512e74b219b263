"""Tables that the software of a device exports, read as the device's type declares them.

https://www.rfc-editor.org/rfc/rfc4180; docs/devices.md, "Tables"
"""

from collections.abc import Iterator
from typing import Final

import orjson

from ingest.decoders.table import Row, readings
from ingest.errors import UnreadableFile
from ingest.files.format import Contents, Format, Incoming, Origin, Unit
from mappers.profile import DeviceProfile
from mappers.reading import Reading
from mappers.table import COUNTED, Table

_ENDINGS: Final = (".csv", ".tsv", ".txt")


class DeclaredTable(Format):
    """Text with a row for each measurement."""

    name: Final = "table"

    @property
    def is_continued(self) -> bool:
        """An export has the rows of the one before."""
        return True

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether its name says so, and it is no binary under that name."""
        return name.lower().endswith(_ENDINGS) and b"\0" not in head

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """Each row, or the rows of one time, as a unit."""
        table = _table(origin.device.type, origin.mapping)
        assumed = not (table.time.offset or "%z" in table.time.format or table.time.format in COUNTED)
        note = (f"times without an offset are of {origin.zone_name}",) if assumed else ()
        return Contents(_units(file, table, origin), note, zone_assumed=assumed)


def _table(type: DeviceProfile, name: str | None) -> Table:
    known = ", ".join(type.tables)
    if not type.tables:
        raise UnreadableFile(
            f"The device type {type.key} declares no table. Declare `tables:` in a device type of your own."
        )
    if name is None and len(type.tables) == 1:
        return next(iter(type.tables.values()))
    found = type.tables.get(name or "")
    if found is None:
        raise UnreadableFile(f"mapping {name!r} is no table of {type.key}. Name one of {known}.")
    return found


def _units(file: Incoming, table: Table, origin: Origin) -> Iterator[Unit]:
    for row in readings(file.path, table, origin.device, origin.received, origin.zone):
        if isinstance(row.found, Reading):
            yield Unit((row.found,), where=row.where, size=_size(row))
        else:
            yield Unit((), where=row.where, issues=row.found, payload=_payload(file, row), size=_size(row))


def _size(row: Row) -> int:
    return sum(len(cell) + 1 for cell in row.cells)


def _payload(file: Incoming, row: Row) -> bytes:
    """A row that is no reading, for whoever looks at the dead letter: only the file can be brought again."""
    return orjson.dumps({"file": file.name, "where": row.where, "cells": row.cells, "again": "file"})
