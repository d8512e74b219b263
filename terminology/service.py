"""The terminology service port, and the honest answer where there is no service.

https://hl7.org/fhir/R4/terminology-service.html
"""

from dataclasses import dataclass
from typing import Protocol

from terminology.errors import TerminologyUnavailable


@dataclass(frozen=True, slots=True)
class Coding:
    """One code of one code system."""

    system: str
    code: str
    display: str | None = None


class TerminologyService(Protocol):
    """What this project asks of a terminology service; every method raises TerminologyUnavailable if it cannot know."""

    async def validate_code(self, coding: Coding, value_set: str) -> bool:
        """Whether `coding` is in the value set with this canonical URL."""
        ...

    async def expand(self, value_set: str) -> tuple[Coding, ...]:
        """Every coding in the value set with this canonical URL."""
        ...

    async def translate(self, coding: Coding, concept_map: str) -> tuple[Coding, ...]:
        """What `coding` is mapped to by the concept map with this canonical URL; empty where it has no target."""
        ...

    async def subsumes(self, ancestor: Coding, descendant: Coding) -> bool:
        """Whether `ancestor` is `descendant` or above it in their code system's hierarchy."""
        ...

    async def above(self, coding: Coding) -> tuple[Coding, ...]:
        """Every coding that subsumes `coding`, itself included."""
        ...

    async def below(self, coding: Coding) -> tuple[Coding, ...]:
        """Every coding that `coding` subsumes, itself included."""
        ...


class NoTerminologyService:
    """The service of a server that has none: it never guesses, each question raises TerminologyUnavailable."""

    async def validate_code(self, coding: Coding, value_set: str) -> bool:
        """Never; always raises TerminologyUnavailable."""
        raise _unavailable(f"whether {coding.system}|{coding.code} is in {value_set}")

    async def expand(self, value_set: str) -> tuple[Coding, ...]:
        """Never; always raises TerminologyUnavailable."""
        raise _unavailable(f"what {value_set} contains")

    async def translate(self, coding: Coding, concept_map: str) -> tuple[Coding, ...]:
        """Never; always raises TerminologyUnavailable."""
        raise _unavailable(f"what {concept_map} makes of {coding.system}|{coding.code}")

    async def subsumes(self, ancestor: Coding, descendant: Coding) -> bool:
        """Never; always raises TerminologyUnavailable."""
        raise _unavailable(f"whether {ancestor.system}|{ancestor.code} subsumes {descendant.code}")

    async def above(self, coding: Coding) -> tuple[Coding, ...]:
        """Never; always raises TerminologyUnavailable."""
        raise _unavailable(f"what is above {coding.system}|{coding.code}")

    async def below(self, coding: Coding) -> tuple[Coding, ...]:
        """Never; always raises TerminologyUnavailable."""
        raise _unavailable(f"what is below {coding.system}|{coding.code}")


def _unavailable(question: str) -> TerminologyUnavailable:
    return TerminologyUnavailable(f"There is no terminology service to say {question}. Configure one.")
