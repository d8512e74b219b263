"""Whose records a caller reaches, in SQL: certain patients by id, or those in a practitioner's care.

https://hl7.org/fhir/R4/patient-definitions.html#Patient.generalPractitioner
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params import reference
from fhir_server.search.params.catalog import served
from fhir_server.search.params.sql import any_of, conjunction, tokens
from fhir_server.search.params.token import Asked, asked_token
from fhir_server.store.predicate import Predicate
from smart_auth.principal import CareOf, Everything, Patients, Reach
from smart_auth.scopes import Level

PATIENT: Final = "Patient"

_KEYS: Final = "ARRAY(SELECT key FROM patient_key WHERE id = ANY({ids}))"

_IN_CARE: Final = """ARRAY(
  SELECT r.id FROM resource r WHERE r.type = {patient} AND NOT r.deleted AND {own}
  UNION
  SELECT k.id FROM resource r JOIN patient_key k ON k.key = r.patient
   WHERE r.type = {team} AND NOT r.deleted AND {member} AND {active} AND r.id <> ALL(%s::text[]))"""


_LIVING: Final = (
    "ARRAY(SELECT p.id FROM resource p WHERE p.type = {patient} AND NOT p.deleted AND p.id = ANY({ids}))"
)


@dataclass(frozen=True, slots=True)
class OneInCare:
    """Whom a practitioner's app for one patient acts on: them, while the practitioner does."""

    patient: str
    care: CareOf


Whom: TypeAlias = Reach | OneInCare


@dataclass(frozen=True, slots=True)
class People:
    """Patients: `ids` is SQL for the array of their ids; `named` are these where they are known beforehand."""

    ids: Predicate
    named: frozenset[str] | None = None

    @property
    def keys(self) -> Predicate:
        """SQL for the array of their numbers."""
        return Predicate(_KEYS.format(ids=self.ids.sql), self.ids.params)

    def about(self, row: str = "r") -> Predicate:
        """The rows about one of them."""
        if self.named is not None and len(self.named) == 1:
            (id,) = self.named
            return Predicate(f"{row}.patient = (SELECT key FROM patient_key WHERE id = %s)", (id,))
        return Predicate(f"{row}.patient = ANY({self.keys.sql})", self.keys.params)


def named(ids: Iterable[str]) -> People:
    """The patients with those ids, whether or not they are there."""
    known = frozenset(ids)
    return People(Predicate("%s::text[]", (sorted(known),)), known)


def living(people: People) -> People:
    """Those of `people` whose Patient is here and was not deleted."""
    sql = _LIVING.format(patient=RESOURCE_TYPES[PATIENT], ids=people.ids.sql)
    return People(Predicate(sql, people.ids.params))


def in_care(reach: CareOf, but: Iterable[str] = ()) -> People:
    """The patients whose general practitioner or managing organization they are, and those of their active care teams.

    The CareTeams with the ids `but` count for nothing.
    """
    practitioner = f"Practitioner/{reach.practitioner}"
    organizations = [f"Organization/{id}" for id in sorted(reach.organizations)]
    own = any_of(
        [
            _refers(PATIENT, "general-practitioner", [practitioner, *organizations]),
            *([_refers(PATIENT, "organization", organizations)] if organizations else []),
        ]
    )
    member = _refers("CareTeam", "participant", [practitioner, *organizations])
    active = tokens([asked_token(served("CareTeam")["status"].prefix, Asked(None, "active"))])
    sql = _IN_CARE.format(
        patient=RESOURCE_TYPES[PATIENT],
        own=own.sql,
        team=RESOURCE_TYPES["CareTeam"],
        member=member.sql,
        active=active.sql,
    )
    return People(Predicate(sql, (*own.params, *member.params, *active.params, sorted(but))))


def reached(level: Level, patient: str | None, reach: Reach | None) -> Whom | None:
    """Whom a scope of the level acts on, for a caller with this patient of the launch and this reach; None is nobody."""
    match level:
        case "system":
            return Everything()
        case "user":
            return reach
        case "patient" if patient is None:
            return None
        case "patient" if isinstance(reach, CareOf):
            return OneInCare(patient, reach)
        case "patient":
            return Patients(frozenset({patient}))


@lru_cache(maxsize=4096)
def people_of(whom: Patients | CareOf | OneInCare) -> People:
    """Those whom a caller acts on who does not act on everyone; `while_in_care` holds beside."""
    match whom:
        case Patients(ids):
            return named(ids)
        case CareOf():
            return in_care(whom)
        case OneInCare(patient):
            return named({patient})


def while_in_care(whom: Whom, rows: Predicate, but: Iterable[str] = ()) -> Predicate:
    """The rows; none of a practitioner's one patient who is not in their care, the CareTeams with the ids `but` not counted.

    It is one condition of all rows, so that the patient stays a constant of the plan.
    """
    if not isinstance(whom, OneInCare):
        return rows
    ids = in_care(whom.care, but).ids
    return conjunction([rows, Predicate(f"%s = ANY({ids.sql})", (whom.patient, *ids.params))])


def _refers(resource_type: str, code: str, keys: Iterable[str]) -> Predicate:
    prefix = served(resource_type)[code].prefix
    return tokens(reference.token(prefix, key) for key in keys)
