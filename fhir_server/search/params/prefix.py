"""The two letters before a date, number or quantity that say how what is stored must lie to it.

https://hl7.org/fhir/R4/search.html#prefix
"""

from typing import Final, get_args

from fhir_server.search.params.parameter import Prefix

_PREFIXES: Final = frozenset(get_args(Prefix))


def prefixed(text: str) -> tuple[Prefix, str]:
    """The prefix of `text`, `eq` where it has none, and the rest."""
    if text[:2] in _PREFIXES:
        return text[:2], text[2:]  # type: ignore[return-value] # one of them
    return "eq", text
