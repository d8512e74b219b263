"""SMART scopes: what a text grants on which resources, in the form of version 2 and in that of version 1.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources

Fails closed: a text that is not exactly of one of the two forms grants nothing, not even the part that could be read.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast
from urllib.parse import unquote

Level: TypeAlias = Literal["patient", "user", "system"]

EVERY_TYPE: Final = "*"

_FORM: Final = re.compile(
    r"(patient|user|system)/(\*|[A-Z][A-Za-z]+)\.(?:(read|write|\*)|(?=[cruds])(c?r?u?d?s?)(?:\?(.+))?)"
)
_VERSION_1: Final = MappingProxyType({"read": "rs", "write": "cud", "*": "cruds"})
_FILTER: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)=([^=&\s]+)")


@dataclass(frozen=True, slots=True)
class Scope:
    """`permissions`, letters of `cruds`, on the resources of a type (`*`: of every type) that meet every one of `filters`.

    A filter is a search parameter and its value, `category` and `http://loinc.org|LP29684-5`.
    """

    level: Level
    resource_type: str
    permissions: str
    filters: tuple[tuple[str, str], ...] = ()

    def grants(self, resource_type: str, permissions: str) -> bool:
        """Whether all of `permissions` are granted on resources of the type, or on some of them if there are filters."""
        return self.resource_type in {EVERY_TYPE, resource_type} and set(permissions) <= set(self.permissions)


@lru_cache(maxsize=4096)
def scope(text: str) -> Scope | None:
    """What the text grants; None for one that is no scope on resources (`openid`, `launch`), or no well-formed one."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    level, resource_type, first, second, query = found.groups()
    filters = () if query is None else _filters(query)
    if filters is None:
        return None
    return Scope(cast("Level", level), resource_type, _VERSION_1[first] if first else second, filters)


def _filters(query: str) -> tuple[tuple[str, str], ...] | None:
    """The filters of a query; None when one of them is no plain parameter with a value, or is not UTF-8."""
    read = [_FILTER.fullmatch(part) for part in query.split("&")]
    try:
        filters = tuple((each[1], unquote(each[2], errors="strict")) for each in read if each is not None)
    except UnicodeDecodeError:
        return None
    return filters if len(filters) == len(read) else None
