"""The questions that are measured: what is asked, and the same in hand-written SQL.

https://hl7.org/fhir/R4/search.html; docs/performance.md
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params import reference
from fhir_server.search.params.catalog import served
from tests.benchmarks import records
from tests.benchmarks.content import BEARER
from tests.benchmarks.driver import request

OBSERVATION, PATIENT = RESOURCE_TYPES["Observation"], RESOURCE_TYPES["Patient"]
DEVICE, PROVENANCE = RESOURCE_TYPES["Device"], RESOURCE_TYPES["Provenance"]

_SATURATION = "http://loinc.org%7C59408-5"
_SINCE = records.START.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Floor:
    """SQL statements and their parameters for the question's number; a parameter may be made of the rows before."""

    statements: tuple[str, ...]
    params: Callable[[int], tuple[object, ...]]
    follow: Callable[[list[tuple[object, ...]]], tuple[object, ...]] = lambda _: ()


@dataclass(frozen=True, slots=True)
class Question:
    """A search or operation: its address for a number, the least entries it must find, how often it is asked."""

    group: str
    name: str
    path: Callable[[int], str]
    entries: int
    count: int
    floor: Floor
    aim: float | None = None

    def requests(self, count: int) -> Iterator[bytes]:
        """GETs of the question, with another patient or name each time."""
        return (request("GET", f"/fhir/{self.path(number)}", BEARER) for number in range(count))


def _newest(limit: int) -> str:
    return f"""
SELECT r.id, r.body::text FROM (SELECT DISTINCT code_set FROM code_set_coding WHERE code = %s AND system = %s) c
 CROSS JOIN LATERAL (
   SELECT r.id, r.body, r.date_lo, r.rid FROM resource r
    WHERE r.type = %s AND r.patient = (SELECT key FROM patient_key WHERE id = %s) AND r.code_set = c.code_set
      AND r.date_lo >= %s
    ORDER BY r.date_lo DESC, r.rid LIMIT {limit}) r
 ORDER BY r.date_lo DESC, r.rid LIMIT {limit}"""


def _of_patient(number: int) -> tuple[object, ...]:
    return ("59408-5", "http://loinc.org", OBSERVATION, f"p{number % records.WARD}", records.START)


_BODY = "SELECT body::text FROM resource WHERE type = %s AND id = %s AND NOT deleted"
_REFERRING = "SELECT body::text FROM resource WHERE type = %s AND tokens && %s::bigint[] AND NOT deleted"

_CHAIN = f"""
SELECT r.id, r.body::text FROM resource r
 WHERE r.type = {OBSERVATION} AND NOT r.deleted
   AND r.code_set IN (SELECT code_set FROM code_set_coding WHERE code = '59408-5' AND system = 'http://loinc.org')
   AND r.patient = ANY (ARRAY(
     SELECT k.key FROM resource_string s JOIN resource p USING (rid) JOIN patient_key k ON k.id = p.id
      WHERE s.param = %s AND left(s.folded, 200) >= %s AND left(s.folded, 200) < %s AND NOT p.deleted))
 ORDER BY r.date_lo DESC, r.rid LIMIT 11"""

_NAMES = f"""
SELECT r.id, r.body::text FROM resource r
 WHERE r.type = {PATIENT} AND NOT r.deleted AND r.rid IN (
   SELECT rid FROM resource_string WHERE param = %s AND left(folded, 200) >= %s AND left(folded, 200) < %s)
 ORDER BY r.id LIMIT 11"""

_HAVING = f"""
SELECT p.id, p.body::text FROM resource p
 WHERE p.type = {PATIENT} AND NOT p.deleted AND p.id IN (
   SELECT k.id FROM patient_key k WHERE k.key IN (
     SELECT r.patient FROM resource r
      WHERE r.type = {OBSERVATION} AND NOT r.deleted
        AND r.code_set IN (SELECT code_set FROM code_set_coding WHERE code = '2524-7' AND system = 'http://loinc.org')))
 ORDER BY p.id LIMIT 11"""

_NAMED_HAVING = f"""
SELECT p.id, p.body::text FROM resource p JOIN patient_key k ON k.id = p.id
 WHERE p.type = {PATIENT} AND NOT p.deleted AND p.rid IN (
   SELECT rid FROM resource_string WHERE param = %s AND left(folded, 200) >= %s AND left(folded, 200) < %s)
   AND EXISTS (SELECT FROM resource r
      WHERE r.type = {OBSERVATION} AND r.patient = k.key AND NOT r.deleted
        AND r.code_set IN (SELECT code_set FROM code_set_coding WHERE code = '59408-5' AND system = 'http://loinc.org'))
 ORDER BY p.id LIMIT 11"""

_LASTN = f"""
SELECT r.body::text FROM (SELECT DISTINCT code_set FROM code_set_coding) c CROSS JOIN LATERAL (
  SELECT body FROM resource
   WHERE type = {OBSERVATION} AND patient = (SELECT key FROM patient_key WHERE id = %s) AND code_set = c.code_set
   ORDER BY date_lo DESC, rid LIMIT 1) r"""


def _name(prefix: str) -> tuple[object, ...]:
    return served("Patient")["name"].number, prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _targets(rows: list[tuple[object, ...]]) -> tuple[object, ...]:
    return PROVENANCE, [reference.token("Provenance.target", f"Observation/{row[0]}") for row in rows]


QUESTIONS = (
    Question(
        "search",
        "search patient & code & date, newest 50",
        lambda n: (
            f"Observation?patient=p{n % records.WARD}&code={_SATURATION}&date=ge{_SINCE}&_sort=-date&_count=50"
        ),
        50,
        8000,
        Floor((_newest(51),), _of_patient),
        0.75,
    ),
    Question(
        "include",
        "_include=Observation:patient, newest 10",
        lambda n: (
            f"Observation?patient=p{n % records.WARD}&code={_SATURATION}&_sort=-date&_count=10"
            "&_include=Observation:patient"
        ),
        11,
        4000,
        Floor((_newest(11), _BODY), _of_patient, lambda _: (PATIENT, "p1")),
        1.0,
    ),
    Question(
        "include",
        "_revinclude=Provenance:target, newest 10",
        lambda n: (
            f"Observation?patient=p{n % records.WARD}&_sort=-date&_count=10&_revinclude=Provenance:target"
        ),
        20,
        4000,
        Floor((_newest(11), _REFERRING), _of_patient, _targets),
    ),
    Question(
        "chain",
        "chain patient.name & code, newest 10",
        lambda n: (
            f"Observation?patient.name={records.family(n % records.WARD)}&code={_SATURATION}&_sort=-date&_count=10"
        ),
        10,
        2000,
        Floor((_CHAIN,), lambda n: _name(records.family(n % records.WARD).lower())),
    ),
    Question(
        "has",
        "_has:Observation:patient:code, a rare code",
        lambda _: "Patient?_has:Observation:patient:code=http://loinc.org%7C2524-7&_count=10",
        10,
        2000,
        Floor((_HAVING,), lambda _: ()),
    ),
    Question(
        "has",
        "name & _has:Observation:patient:code, a common code",
        lambda n: (
            f"Patient?name={records.family(n % records.WARD)}&_has:Observation:patient:code={_SATURATION}&_count=10"
        ),
        1,
        2000,
        Floor((_NAMED_HAVING,), lambda n: _name(records.family(n % records.WARD).lower())),
    ),
    Question(
        "lastn",
        "Observation/$lastn of a patient",
        lambda n: f"Observation/$lastn?patient=Patient/p{n % records.WARD}&category=vital-signs&max=1",
        2,
        4000,
        Floor((_LASTN,), lambda n: (f"p{n % records.WARD}",)),
    ),
    Question(
        "names",
        "name over 100,000 patients, first 10",
        lambda n: f"Patient?name={records.town_family(n * 7 % 1000)}&_count=10",
        10,
        4000,
        Floor((_NAMES,), lambda n: _name(records.town_family(n * 7 % 1000).lower())),
    ),
)
