"""What a client prefers to get back, and how strictly it wants to be read.

https://hl7.org/fhir/R4/http.html#ops
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

Return: TypeAlias = Literal["minimal", "representation", "OperationOutcome"]
Handling: TypeAlias = Literal["strict", "lenient"]

_RETURNS: Final[tuple[Return, ...]] = get_args(Return)
_HANDLINGS: Final[tuple[Handling, ...]] = get_args(Handling)


@dataclass(frozen=True, slots=True)
class Preferences:
    """`handling` is None where the client leaves it to the server."""

    returns: Return = "representation"
    handling: Handling | None = None


_NONE: Final = Preferences()


def preferences(prefer: str | None) -> Preferences:
    """The preferences in a Prefer header; one that is not known is passed over, as RFC 7240 has it."""
    return _NONE if prefer is None else _parsed(prefer)


@lru_cache(maxsize=64)
def _parsed(prefer: str) -> Preferences:
    asked = {name.strip().lower(): value.strip().strip('"') for name, _, value in _parts(prefer)}
    return Preferences(
        returns=next(
            (known for known in _RETURNS if asked.get("return", "").lower() == known.lower()),
            "representation",
        ),
        handling=next((known for known in _HANDLINGS if asked.get("handling", "").lower() == known), None),
    )


def _parts(prefer: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in prefer.replace(";", ",").split(",")]
