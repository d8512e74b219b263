"""The readings of a table, row by row, as a device type declares its columns.

https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

from ingest.decoders.table_cells import Cells, field_value, row_time
from ingest.errors import UnreadableFile
from ingest.issue import Issue
from ingest.ports import Device
from mappers.errors import InvalidTime
from mappers.reading import Reading
from mappers.table import Table

MAX_LINE_BYTES: Final = 1_000_000
_MOST_TOGETHER: Final = 1000
_BYTE_ORDER_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Row:
    """What stands in rows `first` to `last`: a reading, or every issue that names its column; `cells` as they stood."""

    first: int
    last: int
    found: Reading | tuple[Issue, ...]
    cells: tuple[str, ...]

    @property
    def where(self) -> str:
        """`row 17`, as a spreadsheet counts them; `rows 17 to 19`."""
        return f"row {self.first}" if self.first == self.last else f"rows {self.first} to {self.last}"


def readings(path: Path, table: Table, device: Device, received: datetime, zone: tzinfo) -> Iterator[Row]:
    """Each row, measured by `device`, whose clock runs in `zone` where the table says no offset.

    A row that cannot be read is given with its issues, and spoils no other. Raises UnreadableFile, naming the row, where
    the file itself is broken: its encoding, its quotes, its header.
    """
    single = _single(path, table, device, received, zone)
    return _together(single) if table.together else single


def _single(path: Path, table: Table, device: Device, received: datetime, zone: tzinfo) -> Iterator[Row]:
    records = _records(path, table)
    names = _header(records, table) if table.header else None
    for number, cells in records:
        if names is None:
            names = _numbered(cells, table, number)
        if any(cells):
            found = _misshapen(number, names, cells) or _reading(
                dict(zip(names, cells, strict=True)), table, device, received, zone
            )
            yield Row(number, number, found, cells)


def _records(path: Path, table: Table) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The cells of each row and its number, the lines that are skipped counted."""
    with path.open("rb") as file:
        for _ in range(table.skip):
            file.readline(MAX_LINE_BYTES)
        reader = csv.reader(_lines(file.readline, table), delimiter=table.delimiter, strict=True)
        number = table.skip
        try:
            for cells in reader:
                number += 1
                yield number, tuple(cell.strip() for cell in cells)
        except csv.Error as error:
            raise UnreadableFile(f"row {number + 1} is broken: {error}.") from error


def _lines(readline: Callable[[int], bytes], table: Table) -> Iterator[str]:
    number = table.skip
    encoding = table.encoding
    for line in iter(lambda: readline(MAX_LINE_BYTES), b""):
        number += 1
        if len(line) == MAX_LINE_BYTES:
            raise UnreadableFile(f"line {number} is longer than {MAX_LINE_BYTES} bytes.")
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as error:
            text = (
                f"line {number}, byte {error.start + 1}, is not {encoding}, which the device type declares."
            )
            raise UnreadableFile(text) from error
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding


def _header(records: Iterator[tuple[int, tuple[str, ...]]], table: Table) -> tuple[str, ...]:
    number, names = next(records, (table.skip + 1, ()))
    if not any(names):
        raise UnreadableFile(f"row {number} is no header: it is empty.")
    if names[0].startswith(_BYTE_ORDER_MARK):
        raise UnreadableFile(f"row {number} begins with a byte order mark. Declare `encoding: utf-8-sig`.")
    for name in names:
        if name and names.count(name) > 1:
            raise UnreadableFile(f"row {number}: two columns are called {name[:60]!r}.")
    _check_columns(names, table, number)
    return names


def _numbered(cells: Sequence[str], table: Table, number: int) -> tuple[str, ...]:
    names = tuple(str(position) for position in range(1, len(cells) + 1))
    _check_columns(names, table, number)
    return names


def _check_columns(names: Sequence[str], table: Table, number: int) -> None:
    if absent := sorted(table.names - set(names)):
        raise UnreadableFile(f"row {number}: the table has no column {absent[0][:60]!r}, which is declared.")
    unknown = [name for name in names if name and name not in table.names | table.ignored]
    if unknown:
        text = f"the column {unknown[0][:60]!r} is not declared. Say which field it is, or list it under `ignored`."
        raise UnreadableFile(f"row {number}: {text}")


def _misshapen(number: int, names: Sequence[str], cells: Sequence[str]) -> tuple[Issue, ...]:
    row = f"row {number}"
    if len(cells) != len(names):
        text = f"{row} has {len(cells)} cells and not {len(names)}. Check its quotes and delimiters."
        return (Issue("structure", text, row),)
    if any(cell for name, cell in zip(names, cells, strict=True) if not name):
        return (Issue("structure", f"{row} has a value in a column without a name.", row),)
    return ()


def _reading(
    cells: Cells, table: Table, device: Device, received: datetime, zone: tzinfo
) -> Reading | tuple[Issue, ...]:
    try:
        time = row_time(cells, table, zone)
    except InvalidTime as error:
        return (Issue(error.code, error.text, error.element),)
    columns = table.columns.values()
    patient = cells[table.patient] if table.patient else ""
    sequence = cells[table.sequence] if table.sequence else ""
    return Reading(
        device=device.name,
        profile=device.profile,
        time=time,
        received=received,
        fields={each.field: field_value(cells[each.name], each, table) for each in columns},
        units={each.field: each.unit for each in columns if each.unit is not None},
        patient=patient or None,
        sequence=sequence or None,
        paths={each.field: each.name for each in columns}
        | {"timestamp": ", ".join(table.time.columns), "fields": ", ".join(table.columns)}
        | {name: column for name, column in _named(table) if column is not None},
    )


def _named(table: Table) -> tuple[tuple[str, str | None], ...]:
    return ("patient", table.patient), ("sequence", table.sequence)


def _together(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows of one time, patient and sequence that follow each other as one; each field stands in one of them."""
    held: Row | None = None
    for row in rows:
        joined = None if held is None else _joined(held, row)
        if joined is None and held is not None:
            yield held
        held = joined or row
    if held is not None:
        yield held


def _joined(held: Row, row: Row) -> Row | None:
    """Both rows as one, None where they are two readings."""
    first, second = held.found, row.found
    if not isinstance(first, Reading) or not isinstance(second, Reading) or not _at_once(first, second):
        return None
    if row.last - held.first >= _MOST_TOGETHER or any(
        value is not None and first.fields[name] is not None for name, value in second.fields.items()
    ):
        return None
    fields = {name: first.fields[name] if value is None else value for name, value in second.fields.items()}
    return Row(held.first, row.last, replace(first, fields=fields), held.cells + row.cells)


def _at_once(first: Reading, second: Reading) -> bool:
    return (first.time.nanoseconds, first.patient, first.sequence) == (
        second.time.nanoseconds,
        second.patient,
        second.sequence,
    )
