"""What a page is ordered by: keys in turn, missing values last in each, then the row.

https://hl7.org/fhir/R4/search.html#sort
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from fhir_server.errors import InvalidSearch
from fhir_server.search.params.catalog import served, unserved
from fhir_server.search.sort_key import SortKey, Unsortable, sort_key

MAX_KEYS: Final = 10

_UNIQUE: Final = "_id"
# the index of these has the row in the column's own direction; that of a date has it ascending whatever the date's
_TOGETHER: Final = frozenset({"_id", "_lastUpdated"})


@dataclass(frozen=True, slots=True)
class Sort:
    """An order over rows `r`: by `keys`, then by `rid`, unless the keys are `unique`.

    `tie_descending` follows the index that can give the order without sorting.
    """

    keys: tuple[SortKey, ...]
    unique: bool
    tie_descending: bool

    @property
    def text(self) -> str:
        """The value of `_sort`."""
        return ",".join(key.text for key in self.keys)

    @property
    def first(self) -> str | None:
        """The column of `r` that the order goes by first, None when that is no column."""
        return self.keys[0].sql if self.keys[0].column else None


@lru_cache(maxsize=1024)
def sort(resource_type: str, text: str) -> Sort:
    """The order that `_sort=text` asks for. Raises InvalidSearch, naming what can be sorted by, for what is none."""
    codes = [part.removeprefix("-") for part in text.split(",")]
    if len(codes) > MAX_KEYS:
        raise InvalidSearch(f"_sort has {len(codes)} keys. Give at most {MAX_KEYS}.", "_sort")
    if len(set(codes)) < len(codes):
        raise InvalidSearch(f"_sort={text[:100]} names a parameter twice. Name each once.", "_sort")
    keys = tuple(_key(resource_type, part) for part in text.split(","))
    return _by(keys[: codes.index(_UNIQUE) + 1] if _UNIQUE in codes else keys)


@lru_cache(maxsize=256)
def sort_across_types(text: str) -> Sort:
    """The same over several types: by what they all have in columns. Raises InvalidSearch for any other parameter."""
    common = ("_id", "_lastUpdated")
    for part in text.split(","):
        if part.removeprefix("-") not in common:
            raise InvalidSearch(
                f"_sort={part[:60]}: a search over several types is sorted by {' or '.join(common)}.", "_sort"
            )
    found = sort("Basic", text)
    return Sort(found.keys, unique=False, tie_descending=found.tie_descending)


def newest_first(resource_type: str) -> Sort | None:
    """The order by the type's primary date, None for a type without one."""
    dates = [code for code, parameter in served(resource_type).items() if parameter.column == "date"]
    return sort(resource_type, f"-{dates[0]}") if dates else None


@cache
def sortable(resource_type: str) -> tuple[str, ...]:
    """The parameters that `_sort` takes for the type."""
    return tuple(sorted(code for code in served(resource_type) if _reason(resource_type, code) is None))


def _by(keys: tuple[SortKey, ...]) -> Sort:
    descending = keys[0].descending
    tie = descending is (keys[0].parameter in _TOGETHER) if len(keys) == 1 else False
    return Sort(keys, unique=keys[-1].parameter == _UNIQUE, tie_descending=tie)


def _key(resource_type: str, part: str) -> SortKey:
    code, descending = part.removeprefix("-"), part.startswith("-")
    reason = _reason(resource_type, code)
    if reason is not None:
        raise InvalidSearch(
            f"_sort={part[:60]}: {reason}. {resource_type} is sorted by {', '.join(sortable(resource_type))}; "
            "`-` before a name is descending.",
            "_sort",
        )
    return sort_key(served(resource_type)[code], descending=descending)


def _reason(resource_type: str, code: str) -> str | None:
    """Why `code` cannot be sorted by, None when it can."""
    parameter = served(resource_type).get(code)
    if parameter is not None:
        try:
            sort_key(parameter, descending=False)
        except Unsortable as error:
            return str(error)
        return None
    if "." in code or ":" in code:
        return "an order goes by a parameter's own name, without chain or modifier"
    return unserved(resource_type).get(code, f"{resource_type} has no search parameter of that name")
