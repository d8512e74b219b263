"""Entries that failed: alone in a batch, all together in a transaction.

https://hl7.org/fhir/R4/http.html#trules
"""

from typing import Final

from fhir_server.errors import RequestError
from fhir_server.interactions.bundle.change import Change, placed

MOST_ISSUES: Final = 50


class Failures:
    """What failed, by entry number; `together` says whether one failure is everybody's."""

    def __init__(self, *, together: bool) -> None:
        self.together = together
        self.errors: dict[int, RequestError] = {}

    def add(self, change: Change, error: RequestError) -> None:
        """Notes that `change` failed; the first reason counts."""
        if change.number not in self.errors:
            self.errors[change.number] = placed(error, change.number, change.label, change.type)

    def __contains__(self, change: Change) -> bool:
        return change.number in self.errors

    def settle(self) -> None:
        """Nothing when all may go on. Raises, where they fail together, the first entry's error with everyone's issues."""
        if self.together and self.errors:
            first = self.errors[min(self.errors)]
            issues = [issue for _, error in sorted(self.errors.items()) for issue in error.issues]
            first.issues = tuple(issues[:MOST_ISSUES])
            raise first
