"""The names of a query's parameters as the audit keeps them: words of FHIR's, and no value that went astray.

https://hl7.org/fhir/R4/search.html#modifiers; docs/adr/0019-audit.md
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from fhir_server.definitions.search_parameters import for_type
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.operations.catalog import CATALOG
from fhir_server.search.cursor import CURSOR
from fhir_server.search.params.kinds import KINDS
from fhir_server.search.parse import INCLUDES, REPRESENTATION, RESULT

UNKNOWN: Final = "(unknown)"
"""What stands for every other name."""

_LONGEST: Final = 128
_APART: Final = re.compile(r"[.:]")
_STEPS: Final = frozenset({"_has", "missing", "iterate", CURSOR})


def kept(names: Iterable[str], taken: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The names, each once: those `taken`, and those put together of search parameters, modifiers, types and operations' parameters.

    Whoever types a name, or a date of birth, where the name of a parameter should be has typed a value.
    """
    return tuple(dict.fromkeys(name if name in taken or _is_known(name) else UNKNOWN for name in names))


def _is_known(name: str) -> bool:
    return len(name) <= _LONGEST and all(part in _words() for part in _APART.split(name))


@cache
def _words() -> frozenset[str]:
    """Every word that the name of a parameter may be made of."""
    codes = (code for type in RESOURCE_TYPES for code in for_type(type))
    arguments = (one.name for operation in CATALOG for one in operation.takes)
    modifiers = (name for kind in KINDS.values() for name in kind.MODIFIERS)
    return frozenset(
        {*codes, *arguments, *modifiers, *RESOURCE_TYPES, *RESULT, *REPRESENTATION, *INCLUDES, *_STEPS}
    )
