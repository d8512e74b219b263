"""What of a patient's record is wanted and may be seen, as a condition in SQL.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params.date import stamp
from fhir_server.store.predicate import NOTHING, Predicate

PATIENT: Final = "Patient"

# whose primary date says nothing of when care was given
_TIMELESS: Final = frozenset({PATIENT, "Person", "RelatedPerson", "Medication"})


@dataclass(frozen=True, slots=True)
class Scope:
    """`granted` has the types that are wanted, each with what the caller may see of it.

    `since`: changed then or later. `care`: about care in that range `[lo, hi)`. `base_url` is what our own references may
    start with.
    """

    granted: Mapping[str, Predicate]
    base_url: str
    since: datetime | None = None
    care: tuple[datetime, datetime] | None = None

    def wanted(self, types: Iterable[str]) -> Predicate:
        """The rows of `types`, of those that are granted, that are wanted."""
        parts = [self._granted(types)]
        if self.since is not None:
            parts.append(Predicate("r.last_updated >= %s", (self.since,)))
        if self.care is not None:
            parts.append(_cared_for(self.care))
        return Predicate(" AND ".join(f"({one.sql})" for one in parts), _params(parts))

    def _granted(self, types: Iterable[str]) -> Predicate:
        """One condition for each distinct predicate: a caller has few."""
        groups: list[tuple[Predicate, list[int]]] = []
        for type in types:
            access, number = self.granted[type], RESOURCE_TYPES[type]
            known = next((numbers for one, numbers in groups if one == access), None)
            if known is None:
                groups.append((access, [number]))
            else:
                known.append(number)
        parts = [
            Predicate(f"(r.type = ANY(%s) AND ({access.sql}))", (numbers, *access.params))
            for access, numbers in groups
        ]
        return Predicate(" OR ".join(one.sql for one in parts), _params(parts)) if parts else NOTHING


def _cared_for(care: tuple[datetime, datetime]) -> Predicate:
    """Rows whose date meets the range; those without one, or with one that is not about care, are kept."""
    timeless = [RESOURCE_TYPES[type] for type in sorted(_TIMELESS)]
    sql = "r.type = ANY(%s) OR r.date_lo IS NULL OR (r.date_lo < %s::timestamptz AND r.date_hi > %s::timestamptz)"
    return Predicate(sql, (timeless, stamp(care[1]), stamp(care[0])))


def _params(parts: Iterable[Predicate]) -> tuple[object, ...]:
    return tuple(value for one in parts for value in one.params)
