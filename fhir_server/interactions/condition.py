"""What a writer demands of the version it replaces.

https://hl7.org/fhir/R4/http.html#concurrency
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fhir_server.errors import Forbidden, PreconditionFailed
from fhir_server.store.locks import Locked

Versions: TypeAlias = frozenset[int] | Literal["*"]


@dataclass(frozen=True, slots=True)
class Condition:
    """`match`: only these versions may be replaced; `none_match`: these may not. `*` is any version that exists."""

    match: Versions | None = None
    none_match: Versions | None = None

    def check(self, current: Locked | None) -> None:
        """Nothing when `current` may be replaced.

        Raises Forbidden when the caller may not see it, PreconditionFailed when it is not as demanded.
        """
        if current is not None and not current.visible:
            raise Forbidden("This resource is not yours to change.")
        version = None if current is None or current.deleted else current.version
        if self.match is not None and not _names(self.match, version):
            raise PreconditionFailed(
                f"If-Match does not name {_current(version)}. Read it again, then decide."
            )
        if self.none_match is not None and _names(self.none_match, version):
            raise PreconditionFailed(
                f"If-None-Match names {_current(version)}. Leave it out to replace that one."
            )


UNCONDITIONAL = Condition()


def _names(versions: Versions, version: int | None) -> bool:
    return version is not None and (versions == "*" or version in versions)


def _current(version: int | None) -> str:
    return "a version: there is none" if version is None else f'the current version, W/"{version}"'
