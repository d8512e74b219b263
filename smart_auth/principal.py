"""A caller that proved who they are.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

EVERY_SCOPE: Final = frozenset({"system/*.cruds"})


@dataclass(frozen=True, slots=True)
class Everything:
    """The reach of a user who looks after everyone."""


@dataclass(frozen=True, slots=True)
class Patients:
    """The reach of a user who may act for these patients, by the ids of their Patients: themselves, or those in their care."""

    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class CareOf:
    """The reach of a practitioner who sees the patients of their own organizations and care teams, by id."""

    practitioner: str
    organizations: frozenset[str] = frozenset()


Reach: TypeAlias = Everything | Patients | CareOf


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what they were granted; whatever is not said here is not granted.

    `subject` names the caller, stable between requests (`user:…`, `client:…`); `scopes` are the SMART scopes granted, none
    means nothing. `client` is the app that asks, `user` the person it asks for, `fhir_user` that person's resource
    (`Practitioner/1`). `patient` is the id of the Patient that scopes at the level of a patient act on, `reach` whom those
    at the level of a user act on; None is nobody. An `administrator` looks after the server, an `auditor` reads its audit;
    both belong to a person or to the operator's own credential, never to a scope. `grant` is what the person granted the
    app, by its id, and of the operator's token a fingerprint: what outlives a token is judged by it.
    """

    subject: str
    scopes: frozenset[str]
    client: str | None = None
    user: str | None = None
    fhir_user: str | None = None
    patient: str | None = None
    reach: Reach | None = None
    administrator: bool = False
    auditor: bool = False
    grant: str | None = None
