"""Which rows of a type belong to the records of certain patients, for those who may see these records alone.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html; what is narrower here, and why: docs/adr/0017-access.md

R4's compartment holds whatever names the patient in one of several roles. A record holds less: what is about the patient;
of types that are about nobody, what names the patient and no other. What belongs to no patient is a part of the records that
name it, to be read only.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

from fhir_server.definitions.compartments import members
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.json import dumps
from fhir_server.search.index import ATTACHMENTS
from fhir_server.search.params import hashes, reference
from fhir_server.search.params.catalog import served
from fhir_server.search.params.jsonpath import jsonpath
from fhir_server.search.params.paths import Node, nodes
from fhir_server.search.params.sql import any_of, conjunction, tokens
from fhir_server.search.people import PATIENT, People, living
from fhir_server.store.predicate import NOTHING, Predicate
from fhir_server.store.rows import Key

# the rows of a type that the caller may read; None where no scope grants it
Readable: TypeAlias = Callable[[str], Predicate | None]

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

# whoever is named is this patient, a relative of theirs, or certainly no patient: what cannot be told is another patient,
# and so is who has the same id elsewhere: a URL that the index keeps as it is is not ours
_ANOTHER: Final = """NOT EXISTS (SELECT FROM jsonb_path_query(r.body, {path}) AS v (named)
  CROSS JOIN LATERAL regexp_match(v.named ->> 'reference',
    '(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{{1,64}})(?:/_history/[^/]+)?$') AS known (parts)
  WHERE known.parts[1] IN ('Patient', 'RelatedPerson')
          AND strpos(v.named ->> 'reference', ':') > 0 AND {token} = ANY(r.tokens)
     OR CASE coalesce(known.parts[1], substring(v.named ->> 'type', '[A-Za-z]+$'))
        WHEN 'Patient' THEN (known.parts[2] = ANY({ids})) IS NOT TRUE
        WHEN 'RelatedPerson' THEN NOT EXISTS (SELECT FROM resource o
          WHERE o.type = {relative} AND o.id = known.parts[2] AND NOT o.deleted AND {about})
        ELSE coalesce(known.parts[1], substring(v.named ->> 'type', '[A-Za-z]+$')) = ANY({nobody}) IS NOT TRUE END)"""

_NOBODY: Final = (
    "ARRAY['Practitioner', 'PractitionerRole', 'Organization', 'Location', 'Device', 'HealthcareService']"
)

_IN_RECORD: Final = """EXISTS (SELECT FROM resource o
  WHERE o.type = (%s::jsonb ->> split_part({named}, '/', 1))::smallint AND o.id = split_part({named}, '/', 2)
    AND NOT o.deleted AND (o.type = {patient} AND o.id = ANY({ids}) OR {about}))"""

_TARGETS: Final = """r.body ? 'target' AND NOT EXISTS (
  SELECT FROM jsonb_array_elements(r.body -> 'target') AS t (target) WHERE NOT {in_record})"""

_MENTIONED: Final = """r.patient IS NULL AND EXISTS (
  SELECT FROM patient_mention m WHERE m.patient = ANY({keys}) AND m.type = r.type AND m.id = r.id)"""

_FILE: Final = re.compile(r"(?:^|/)Binary/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?\Z")

# a document that was filed in the wrong record, and was moved since, must not leave its content there; within, `r` is the
# document
_FILED: Final = """SELECT substring(v.url #>> '{{}}', '(?:^|/)Binary/([A-Za-z0-9.-]{{1,64}})(?:/_history/[^/]+)?$')
  FROM resource r CROSS JOIN LATERAL jsonb_path_query(r.body, {path}) AS v (url)
 WHERE r.type = {type} AND NOT r.deleted AND ({about}) AND ({granted})"""


def rows(resource_type: str, people: People, permission: str, readable: Readable) -> Predicate | None:
    """The rows that belong to the records of `people` as far as the permission goes; None for a type no record holds.

    Nothing is written about a patient who was deleted. A content follows the documents that name it, as far as these are `readable`.
    """
    if permission not in ("r", "s"):
        people = living(people)
    shared = _shared(resource_type, people, permission, readable)
    found = [part for part in (_own(resource_type, people), shared) if part]
    return any_of(found) if found else None


def owned(resource_type: str, people: People) -> Predicate | None:
    """The rows that belong to the records by themselves, whoever names them."""
    return _own(resource_type, people)


def filed(people: People, readable: Readable) -> Predicate:
    """The Binaries that documents and reports in the records name as they are now, of those that may be read."""
    about, parts = people.about(), list[Predicate]()
    for type, path in ATTACHMENTS.items():
        granted = readable(type)
        if granted is not None:
            number, url = RESOURCE_TYPES[type], jsonpath(path, "url")
            sql = _FILED.format(path=url, type=number, about=about.sql, granted=granted.sql)
            parts.append(Predicate(sql, (*about.params, *granted.params)))
    if not parts:
        return NOTHING
    named = " UNION ALL ".join(one.sql for one in parts)
    return Predicate(f"r.id IN ({named})", tuple(value for one in parts for value in one.params))


def files(resource_type: str, tree: Node) -> set[Key]:
    """The Binaries that a document or report names, as `filed` finds them."""
    urls = (attachment.get("url") for attachment in nodes(ATTACHMENTS[resource_type], tree))
    return {(BINARY, found[1]) for url in urls if isinstance(url, str) and (found := _FILE.search(url))}


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


def _shared(resource_type: str, people: People, permission: str, readable: Readable) -> Predicate | None:
    """What belongs to nobody, and is named in the records; it is theirs to read, not to write."""
    if permission not in ("r", "s") or resource_type not in {*reference.MENTIONED, BINARY}:
        return None
    keys = people.keys
    named = Predicate(_MENTIONED.format(keys=keys.sql), keys.params)
    if resource_type == BINARY:
        return conjunction([named, Predicate("NOT r.body ? 'securityContext'"), filed(people, readable)])
    return named


def _naming_no_other(resource_type: str, people: People) -> Predicate:
    parameter = served(resource_type)[_BY_NAME[resource_type]]
    about = people.about("o")
    alone = [
        Predicate(
            _ANOTHER.format(
                path=jsonpath(path, each=True),
                token=hashes.in_sql(parameter.prefix, "r", last="(v.named ->> 'reference')"),
                ids=people.ids.sql,
                relative=RESOURCE_TYPES["RelatedPerson"],
                about=about.sql,
                nobody=_NOBODY,
            ),
            (*people.ids.params, *about.params),
        )
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
