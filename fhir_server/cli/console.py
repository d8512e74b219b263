"""What a command prints: JSON for scripts, or words and tables for people.

https://rich.readthedocs.io/en/stable/tables.html
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import orjson

_ONE_LINE: Final = 4_000


def print_json(value: object) -> None:
    """Nothing; one line of JSON is on stdout, at once."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, empty: str) -> None:
    """Nothing; a table with a column for each member of the rows named, or the line `empty`, is on stdout.

    Cells are folded to a terminal's width only; elsewhere each row is one line.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # A bare text would be markup, and `[degF]` a tag that is not shown.
        table.add_row(*(Text("" if row.get(column) is None else str(row[column])) for column in columns))
    width = None if sys.stdout.isatty() else _ONE_LINE
    Console(width=width).print(table if table.row_count else empty)


def say(line: str) -> None:
    """Nothing; `line` is on stdout, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def warn(line: str) -> None:
    """Nothing; `line` is on stderr, where it does not get between JSON lines."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
