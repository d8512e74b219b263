"""The printed table: what was reached, the CPU it took, its aim, and the floor beside it.

docs/performance.md
"""

from rich.console import Console
from rich.table import Table

from tests.benchmarks.driver import Load

_COLUMNS = (
    "",
    "per second",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "CPU s / 1,000: server",
    "database",
    "both",
    "aim",
)


class Report:
    """Rows, each printed as soon as it is known, and all of them as a table at the end."""

    def __init__(self) -> None:
        self._console = Console(width=180)
        self._table = Table(title="2 cores shared by driver, server and PostgreSQL; 8 connections")
        for name in (*_COLUMNS, "floor", "ratio"):
            self._table.add_column(name, justify="left" if not name else "right")

    def row(
        self,
        name: str,
        load: Load,
        cpu: tuple[float, float] | None,
        *,
        floor: float | None = None,
        aim: float | None = None,
        units: int | None = None,
    ) -> None:
        """A row; `units` says how many things the load did, where that is not one a request."""
        done = units or len(load.latencies)
        rate = done / load.seconds
        latencies = [f"{load.percentile(percent):.2f}" if load.latencies else "" for percent in (50, 95, 99)]
        per_thousand = [f"{1000 * part / done:.3f}" for part in (*cpu, sum(cpu))] if cpu else [""] * 3
        beside = [f"{floor:,.0f}", f"{rate / floor:.2f}"] if floor else ["", ""]
        cells = [name, f"{rate:,.0f}", *latencies, *per_thousand, f"{aim:g}" if aim else "", *beside]
        self._table.add_row(*cells)
        self._console.print(" | ".join(cells), highlight=False)

    def say(self, text: str) -> None:
        """A line between the rows."""
        self._console.print(text, highlight=False)

    def print(self) -> None:
        """The whole table."""
        self._console.print(self._table)
