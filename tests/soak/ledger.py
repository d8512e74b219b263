"""What clients asked for and what they were promised: the books that the database is held against.

https://hl7.org/fhir/R4/http.html#transactional-integrity
"""

from collections import Counter
from dataclasses import dataclass, field

from tests.soak.client import Answer

DELETION = ""
"""The mark of a version that deletes."""

_WELCOME = {200, 201, 204, 207, 404, 409, 410}
_BUSY = {429, 503}


@dataclass
class Ledger:
    """`creates`: for each mark, the id that was promised or None. `versions`: for each (id, mark) the version that was

    promised or None; deletions have a mark of their own each. `readings`: for each (Device, time) its values.
    """

    creates: dict[str, str | None] = field(default_factory=dict)
    versions: dict[tuple[str, str], int | None] = field(default_factory=dict)
    deletions: dict[str, list[int | None]] = field(default_factory=dict)
    readings: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    promised: set[tuple[str, str]] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def note(self, what: str, answer: Answer) -> bool:
        """Whether the answer settles the request; one that no fault may cause is put down as a fault of the server."""
        self.statuses[answer.status] += 1
        if answer.status in _BUSY:
            if "retry-after" not in answer.headers:
                self.faults.append(f"{what}: {answer.status} without Retry-After")
            return False
        if answer.status not in _WELCOME:
            self.faults.append(f"{what}: {answer.status} {answer.body[:300]!r}")
            return False
        return True

    def unanswered(self) -> None:
        """Counts a request without an answer."""
        self.statuses[0] += 1
