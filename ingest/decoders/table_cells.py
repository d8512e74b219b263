"""What the cells of one row of a table say: when it was measured, and the value of each field.

https://www.rfc-editor.org/rfc/rfc4180
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Final

from mappers.errors import InvalidTime
from mappers.reading import Absent, FieldValue
from mappers.table import COUNTED, ISO, Column, Table, TimeColumns
from mappers.times import DeviceTime, device_time, from_datetime, in_zone, time_of_milliseconds

Cells = Mapping[str, str]
"""The cells of a row by the names of their columns."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)
_OFFSET: Final = re.compile(r"Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9]")
_SHOWN: Final = 60


def field_value(cell: str, column: Column, table: Table) -> FieldValue:
    """The number in `cell`, the reason why it has none, None where nothing was sent; any other text as it stands.

    A text is then taken, or refused by name, by the field that it is for.
    """
    if cell in column.missing:
        return Absent(column.missing[cell])
    if not cell:
        return None if table.empty is None else Absent(table.empty)
    if column.chosen:
        return cell
    text = cell.replace(",", ".") if table.decimals == "comma" and "." not in cell else cell
    if _NUMBER.fullmatch(text) is None:
        return text
    return Decimal(text) if "." in text else int(text)


def row_time(cells: Cells, table: Table, zone: tzinfo) -> DeviceTime:
    """When the row was measured; raises InvalidTime, naming the column, for what is no time."""
    time = table.time
    text = " ".join(cells[name] for name in time.columns)
    element = ", ".join(time.columns)
    if time.format in COUNTED:
        return _counted(text, time, element)
    moment = _moment(text, time, element)
    if moment.tzinfo is None:
        moment = in_zone(moment, _zone(cells, time, zone), element)
    return from_datetime(moment, _digits(moment), element)


def _counted(text: str, time: TimeColumns, element: str) -> DeviceTime:
    if _NUMBER.fullmatch(text) is None:
        raise InvalidTime("value", element, f"{element} {text[:_SHOWN]!r} is no number of {time.format}.")
    count = Decimal(text)
    return device_time(count, element) if time.format == "seconds" else time_of_milliseconds(count, element)


def _moment(text: str, time: TimeColumns, element: str) -> datetime:
    try:
        if time.format == ISO:
            return datetime.fromisoformat(text)
        return datetime.strptime(text, time.format)  # noqa: DTZ007 - row_time gives it its zone
    except (ValueError, OverflowError) as error:
        raise InvalidTime(
            "value", element, f"{element} {text[:_SHOWN]!r} is no time of the form {time.format}."
        ) from error


def _zone(cells: Cells, time: TimeColumns, zone: tzinfo) -> tzinfo:
    if time.offset is None:
        return zone
    text = cells[time.offset]
    if _OFFSET.fullmatch(text) is None:
        raise InvalidTime(
            "value", time.offset, f"{time.offset} {text[:_SHOWN]!r} is no offset such as +01:00."
        )
    if text == "Z":
        return UTC
    length = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(length if text[0] == "+" else -length)


def _digits(moment: datetime) -> int:
    return 6 if moment.microsecond % 1000 else 3 if moment.microsecond else 0
