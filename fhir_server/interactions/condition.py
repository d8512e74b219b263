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
    """`match`: only these versions may be replaced; `none_match`: these may not. `*` is any version that exists.

    `makes`: what is not there under an id may be made. `tells`: a refusal may tell of the version that is there.
    """

    match: Versions | None = None
    none_match: Versions | None = None
    makes: bool = True
    tells: bool = True

    def check(self, current: Locked | None) -> None:
        """Nothing when `current` may be replaced.

        Raises Forbidden when the caller may not see it, PreconditionFailed when it is not as demanded.
        """
        if current is not None and not current.visible:
            raise not_yours()
        version = None if current is None or current.deleted else current.version
        if self.match is not None and not _names(self.match, version):
            raise PreconditionFailed(
                f"If-Match does not name {self._current(version)}. Read it again, then decide."
            )
        if self.none_match is not None and _names(self.none_match, version):
            raise PreconditionFailed(
                f"If-None-Match names {self._current(version)}. Leave it out to replace that one."
            )

    def check_making(self, current: Locked | None) -> None:
        """Nothing when there is something under the id, or it may be made; else what is not there is told as what is hidden."""
        if not self.makes and (current is None or current.deleted):
            raise not_yours()

    def _current(self, version: int | None) -> str:
        if not self.tells:
            return "the current version"
        return "a version: there is none" if version is None else f'the current version, W/"{version}"'


UNCONDITIONAL = Condition()


def _names(versions: Versions, version: int | None) -> bool:
    return version is not None and (versions == "*" or version in versions)


def not_yours() -> Forbidden:
    """The refusal to change what the caller may not see, or to make it."""
    return Forbidden("This resource is not yours to change.")
