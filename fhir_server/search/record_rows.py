"""Which rows of a type belong to the records of certain patients, for those who may see these records alone.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html; what is narrower here, and why: docs/adr/0017-access.md

R4's compartment holds whatever names the patient in one of several roles. A record holds less: what is about the patient;
of types that are about nobody, what names the patient and no other. What belongs to no patient is a part of the records that
name it, to be read only.
"""

from functools import cache
from typing import Final

from fhir_server.definitions.compartments import members
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.json import dumps
from fhir_server.search.index import ATTACHMENTS
from fhir_server.search.params import hashes, reference
from fhir_server.search.params.catalog import served
from fhir_server.search.params.jsonpath import jsonpath
from fhir_server.search.params.sql import any_of, conjunction, tokens
from fhir_server.search.people import PATIENT, People
from fhir_server.store.predicate import Predicate

BINARY: Final = "Binary"
PROVENANCE: Final = "Provenance"

# about nobody by one element, and in the compartment by one that may name several
_BY_NAME: Final = {
    "Account": "subject",
    "Appointment": "actor",
    "AppointmentResponse": "actor",
    "Schedule": "actor",
    "SupplyRequest": "subject",
}

_ANOTHER: Final = """NOT EXISTS (SELECT FROM jsonb_path_query(r.body, {path}) AS v (named)
  WHERE coalesce(substring(v.named ->> 'reference', '(?:^|/)Patient/([A-Za-z0-9.-]{{1,64}})') <> ALL({ids}),
                 v.named ->> 'type' IN ('Patient', 'http://hl7.org/fhir/StructureDefinition/Patient')))"""

_IN_RECORD: Final = """EXISTS (SELECT FROM resource o
  WHERE o.type = (%s::jsonb ->> split_part({named}, '/', 1))::smallint AND o.id = split_part({named}, '/', 2)
    AND NOT o.deleted AND (o.type = {patient} AND o.id = ANY({ids}) OR {about}))"""

_TARGETS: Final = """r.body ? 'target' AND NOT EXISTS (
  SELECT FROM jsonb_array_elements(r.body -> 'target') AS t (target) WHERE NOT {in_record})"""

_MENTIONED: Final = """r.patient IS NULL AND EXISTS (
  SELECT FROM patient_mention m WHERE m.patient = ANY({keys}) AND m.type = r.type AND m.id = r.id)"""

# a document that was filed in the wrong record, and was moved since, must not leave its content there
_FILED: Final = """SELECT substring(v.url #>> '{{}}', '(?:^|/)Binary/([A-Za-z0-9.-]{{1,64}})(?:/_history/[^/]+)?$')
  FROM resource o CROSS JOIN LATERAL jsonb_path_query(o.body, {path}) AS v (url)
 WHERE o.type = {type} AND NOT o.deleted AND {about}"""


def rows(resource_type: str, people: People, permission: str) -> Predicate | None:
    """The rows that belong to the records of `people` as far as the permission goes; None for a type no record holds."""
    found = [
        part for part in (_own(resource_type, people), _shared(resource_type, people, permission)) if part
    ]
    return any_of(found) if found else None


def owned(resource_type: str, people: People) -> Predicate | None:
    """The rows that belong to the records by themselves, whoever names them."""
    return _own(resource_type, people)


@cache
def is_about_one(resource_type: str) -> bool:
    """Whether nothing but a column says whose record a resource of the type belongs to."""
    return resource_type in _about() and resource_type not in reference.MENTIONED


@cache
def _about() -> frozenset[str]:
    """The types in the compartment that are about one patient; a Device is so too where it says whose it is."""
    found = {
        type
        for type, codes in members(PATIENT).items()
        if any(code in served(type) and served(type)[code].column == "patient" for code in codes)
    }
    return frozenset(found | {"Device"})


@cache
def _numbers() -> str:
    """The numbers of the types that a record may hold, as JSON."""
    return dumps({type: RESOURCE_TYPES[type] for type in sorted(_about() | {PATIENT})}).decode()


def _own(resource_type: str, people: People) -> Predicate | None:
    if resource_type == PATIENT:
        return Predicate(f"r.id = ANY({people.ids.sql})", people.ids.params)
    if resource_type in _about():
        return people.about()
    if resource_type in _BY_NAME:
        return _naming_no_other(resource_type, people)
    if resource_type == PROVENANCE:
        inside = _in_record("target", people)
        return Predicate(_TARGETS.format(in_record=inside.sql), inside.params)
    if resource_type == BINARY:
        return _in_record("r.body -> 'securityContext'", people)
    return None


def _shared(resource_type: str, people: People, permission: str) -> Predicate | None:
    """What belongs to nobody, and is named in the records; it is theirs to read, not to write."""
    if permission not in ("r", "s") or resource_type not in {*reference.MENTIONED, BINARY}:
        return None
    keys = people.keys
    named = Predicate(_MENTIONED.format(keys=keys.sql), keys.params)
    if resource_type == BINARY:
        return conjunction([named, Predicate("NOT r.body ? 'securityContext'"), _filed(people)])
    return named


def _filed(people: People) -> Predicate:
    """The Binaries that documents and reports in the records name as they are now."""
    about = people.about("o")
    parts = [
        _FILED.format(path=jsonpath(path, "url"), type=RESOURCE_TYPES[type], about=about.sql)
        for type, path in ATTACHMENTS.items()
    ]
    return Predicate(f"r.id IN ({' UNION ALL '.join(parts)})", about.params * len(parts))


def _naming_no_other(resource_type: str, people: People) -> Predicate:
    parameter = served(resource_type)[_BY_NAME[resource_type]]
    alone = [
        Predicate(_ANOTHER.format(path=jsonpath(path, each=True), ids=people.ids.sql), people.ids.params)
        for path in parameter.paths
    ]
    return conjunction([_naming(parameter.prefix, people), *alone])


def _naming(prefix: str, people: People) -> Predicate:
    if people.named is not None:
        return tokens(reference.token(prefix, f"{PATIENT}/{id}") for id in people.named)
    token = hashes.in_sql(prefix, "r", last=f"'{PATIENT}/' || p.id")
    sql = f"r.tokens && ARRAY(SELECT {token} FROM unnest({people.ids.sql}) AS p (id))"
    return Predicate(sql, people.ids.params)


def _in_record(element: str, people: People) -> Predicate:
    """Whether a reference, an SQL expression, is to one of the patients, or to something about one of them."""
    named = f"substring({element} ->> 'reference', '^[A-Z][A-Za-z]+/[A-Za-z0-9.-]{{1,64}}')"
    about = people.about("o")
    sql = _IN_RECORD.format(named=named, patient=RESOURCE_TYPES[PATIENT], ids=people.ids.sql, about=about.sql)
    return Predicate(sql, (_numbers(), *people.ids.params, *about.params))
