"""What the walk over a resource has met: every value it will be found by.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from collections.abc import Callable
from typing import TypeAlias

from fhir_server.search.params import hashes
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.paths import Node
from fhir_server.store.rows import DateRange, NumberRange, ParamDate, ParamNumber, ParamString, ParamText


class Found:
    """The columns, tokens and rows of one resource, or of one value that recurs from resource to resource."""

    __slots__ = (
        "base_url",
        "codings",
        "date",
        "dates",
        "mentions",
        "numbers",
        "patient",
        "strings",
        "texts",
        "tokens",
        "value",
    )

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.patient: str | None = None
        self.codings: tuple[str, ...] = ()
        self.date: DateRange | None = None
        self.value: NumberRange | None = None
        self.tokens: set[int] = set()
        self.dates: list[ParamDate] = []
        self.numbers: list[ParamNumber] = []
        self.strings: list[ParamString] = []
        self.texts: list[ParamText] = []
        self.mentions: set[tuple[int, str]] = set()

    def add(self, seen: "Found") -> None:
        """What a recurring value is stored as: tokens, texts, strings, mentions, and the columns of codings and patient."""
        self.tokens |= seen.tokens
        if seen.codings:
            self.codings = seen.codings
        if seen.patient is not None:
            self.patient = seen.patient
        if seen.strings:
            self.strings += seen.strings
        if seen.texts:
            self.texts += seen.texts
        if seen.mentions:
            self.mentions |= seen.mentions


Store: TypeAlias = Callable[[Node, Found], None]


def presence(parameter: Parameter) -> tuple[int, ...]:
    """The token that says that the resource has a value, for `:missing`; none where every resource has one."""
    return () if parameter.required else (hashes.present(parameter.prefix),)
