"""The section `tables:` of a device type: what the columns of a table are that its software exports.

https://www.rfc-editor.org/rfc/rfc4180; docs/devices.md, "Writing a device type"
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal, cast, get_args

from mappers.declaration import Declaration
from mappers.reading import AbsentReason
from mappers.rule import FieldRule

Decimals = Literal["point", "comma"]
Encoding = Literal["utf-8", "utf-8-sig", "latin-1"]

NOT_SENT: Final = "not-sent"
COUNTED: Final = ("seconds", "milliseconds")
"""Times as a count since 1970."""
ISO: Final = "iso"

_REASONS: Final = get_args(AbsentReason)
_MOST_SKIPPED: Final = 1000
_SOME_TIME: Final = datetime(2013, 12, 31, 23, 58, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that holds a field: its `unit` where it is not the field's own, and the cells that say why it is empty."""

    name: str
    field: str
    chosen: bool
    unit: str | None
    missing: Mapping[str, AbsentReason]


@dataclass(frozen=True, slots=True)
class TimeColumns:
    """The columns that make the time, joined by a space, and how to read them: `strptime`, `iso`, or what is counted.

    `offset` is a column with the offset from UTC; without it, and where the time has none, the caller's zone holds.
    """

    columns: tuple[str, ...]
    format: str
    offset: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """How to read one kind of table.

    `header` says that a row of names follows the `skip` lines; else columns are called 1, 2, 3. What is in `ignored` is
    not looked at; any other column refuses the file. With `together`, rows of one time that follow each other are one
    reading. `empty` is what an empty cell says, None that it was not sent.
    """

    delimiter: str
    decimals: Decimals
    encoding: Encoding
    skip: int
    header: bool
    time: TimeColumns
    patient: str | None
    sequence: str | None
    together: bool
    empty: AbsentReason | None
    columns: Mapping[str, Column]
    ignored: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """Every column that the file must have."""
        others = (self.time.offset, self.patient, self.sequence)
        return frozenset((*self.columns, *self.time.columns, *filter(None, others)))


def tables(
    source: Declaration, fields: Mapping[str, FieldRule], unsound: frozenset[str]
) -> Mapping[str, Table]:
    """The tables that `source` declares by their names. Mistakes are gathered, but for the columns of `unsound` fields."""
    declared = source.child("tables")
    if declared is None:
        return MappingProxyType({})
    found = {}
    for name, entry in declared.sound_entries():
        table = entry.gathered(None, _table, entry, fields, unsound)
        if table is not None:
            found[name] = table
            entry.gathered(None, entry.close)
    return MappingProxyType(found)


def _table(entry: Declaration, fields: Mapping[str, FieldRule], unsound: frozenset[str]) -> Table:
    gathered = entry.gathered
    missing = gathered({}, _missing, entry)
    columns = gathered(MappingProxyType({}), _columns, entry, fields, missing, unsound)
    empty = gathered(NOT_SENT, entry.one_of, "empty", (NOT_SENT, *_REASONS), NOT_SENT)
    decimals = gathered("point", entry.one_of, "decimals", ("point", "comma"), "point")
    encoding = gathered("utf-8", entry.one_of, "encoding", ("utf-8", "utf-8-sig", "latin-1"), "utf-8")
    table = Table(
        delimiter=gathered(";", _delimiter, entry),
        decimals=cast("Decimals", decimals),
        encoding=cast("Encoding", encoding),
        skip=gathered(0, _skip, entry),
        header=gathered(True, entry.flag, "header", default=True),
        time=gathered(TimeColumns((), ISO, None), _time, entry),
        patient=gathered(None, entry.optional_text, "patient"),
        sequence=gathered(None, entry.optional_text, "sequence"),
        together=gathered(False, entry.flag, "together", default=False),
        empty=None if empty == NOT_SENT else cast("AbsentReason", empty),
        columns=columns,
        ignored=frozenset(gathered((), entry.texts, "ignored")),
    )
    if table.delimiter == "," and table.decimals == "comma":
        raise entry.error("a comma cannot be both delimiter and decimal sign.", "decimals")
    if both := table.names & table.ignored:
        raise entry.error(f"`ignored: {min(both)}` is a column that is read.", "ignored")
    if not table.header and (named := [each for each in table.names | table.ignored if not _is_number(each)]):
        raise entry.error(f"`{min(named)}`: without a header columns are called 1, 2, 3.", "header")
    return table


def _delimiter(entry: Declaration) -> str:
    delimiter = entry.optional_text("delimiter") or ","
    named = {"tab": "\t"}.get(delimiter, delimiter)
    if len(named) != 1 or named in '"\r\n' or named.isalnum():
        raise entry.error(
            f"`delimiter: {delimiter}` is no single sign. Write `,`, `;` or `tab`.", "delimiter"
        )
    return named


def _skip(entry: Declaration) -> int:
    text = entry.optional_text("skip") or "0"
    if not (text.isascii() and text.isdigit()) or int(text) > _MOST_SKIPPED:
        raise entry.error(f"`skip: {text}` is no number of lines up to {_MOST_SKIPPED}.", "skip")
    return int(text)


def _time(entry: Declaration) -> TimeColumns:
    time = entry.child("time")
    if time is None:
        raise entry.error("`time` is missing. Give `columns` and `format`.")
    columns, format = time.texts("columns"), time.text("format")
    if not columns:
        raise time.error("`columns` is missing. Name at least one.")
    if format not in (*COUNTED, ISO) and "%" not in format:
        known = ", ".join((ISO, *COUNTED))
        raise time.error(
            f"`format: {format}` is neither {known} nor a form such as `%d.%m.%Y %H:%M:%S`.", "format"
        )
    if "%" in format and not _names_a_moment(format):
        raise time.error(f"`format: {format}` does not say day and time of day.", "format")
    found = TimeColumns(columns, format, time.optional_text("offset"))
    time.close()
    return found


def _names_a_moment(format: str) -> bool:
    """Whether a time that is written so can be read again."""
    try:
        return datetime.strptime(_SOME_TIME.strftime(format), format).replace(tzinfo=UTC) == _SOME_TIME
    except ValueError:
        return False


def _columns(
    entry: Declaration,
    fields: Mapping[str, FieldRule],
    missing: Mapping[str, AbsentReason],
    unsound: frozenset[str],
) -> Mapping[str, Column]:
    declared = entry.child("columns")
    found: dict[str, Column] = {}
    for name, column in () if declared is None else declared.sound_entries():
        if column.optional_text("field") in unsound:
            continue
        read = column.gathered(None, _column, name, column, fields, missing)
        if read is not None:
            if any(each.field == read.field for each in found.values()):
                error = column.error(f"`field: {read.field}` has another column already.", "field")
                column.mistaken(error)
            found[name] = read
            column.gathered(None, column.close)
    if declared is None or not declared.keys:
        raise entry.error("`columns` is missing. Say which column is which field.")
    return MappingProxyType(found)


def _column(
    name: str, entry: Declaration, fields: Mapping[str, FieldRule], missing: Mapping[str, AbsentReason]
) -> Column:
    field, unit = entry.text("field"), entry.optional_text("unit")
    rule = fields.get(field)
    if rule is None:
        raise entry.error(f"`field: {field}` is no field of this type.", "field")
    if unit is not None and not _is_taken(unit, rule):
        raise entry.error(f"`unit: {unit}` is none that `{field}` takes.", "unit")
    return Column(name, rule.name, rule.scale is None, unit, {**missing, **_missing(entry)})


def _is_taken(unit: str, rule: FieldRule) -> bool:
    sent = rule.sent_in(unit)
    return sent.unit_names.get(unit, unit) in sent.conversions


def _missing(entry: Declaration) -> Mapping[str, AbsentReason]:
    declared = entry.child("missing")
    found: dict[str, AbsentReason] = {}
    for sign, reason in () if declared is None else declared.text_entries():
        found[sign] = cast("AbsentReason", _known(declared, sign, reason, _REASONS))
    return found


def _known(entry: Declaration | None, sign: str, reason: str, reasons: Collection[str]) -> str:
    assert entry is not None, "it has this entry"
    if reason not in reasons:
        raise entry.error(f"`{sign}: {reason}` is no reason. Choose one of {', '.join(reasons)}.", sign)
    return reason


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and int(name) > 0
