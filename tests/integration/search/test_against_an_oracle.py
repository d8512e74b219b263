"""Random resources and random criteria of every kind and modifier: the database, the elements in memory and a judge agree."""

import asyncio
from random import Random

import orjson
import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhir_server.json import dumps, parse
from fhir_server.search.criteria import meets
from fhir_server.search.index import index
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import parse as parse_query
from fhir_server.search.plan import Limits, plan
from fhir_server.search.searchset import Asking, search
from fhir_server.search.terminology import Terminology, answered
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING
from terminology.service import Coding
from tests.integration.search import oracle
from tests.integration.search.conftest import showing
from tests.integration.search.drawing import Draw, objects, one_in, pair, perhaps, some


class Known:
    """A terminology service that knows the judge's value sets and its hierarchy."""

    async def validate_code(self, coding: Coding, value_set: str) -> bool:
        return (coding.system, coding.code) in oracle.VALUE_SETS[value_set]

    async def expand(self, value_set: str) -> tuple[Coding, ...]:
        return tuple(Coding(*pair) for pair in oracle.VALUE_SETS[value_set])

    async def translate(self, coding: Coding, concept_map: str) -> tuple[Coding, ...]:
        raise NotImplementedError(concept_map)

    async def subsumes(self, ancestor: Coding, descendant: Coding) -> bool:
        return descendant in await self.below(ancestor)

    async def above(self, coding: Coding) -> tuple[Coding, ...]:
        return tuple(Coding(*pair) for pair in oracle.lineage((coding.system, coding.code)))

    async def below(self, coding: Coding) -> tuple[Coding, ...]:
        pair = (coding.system, coding.code)
        known = {pair, *oracle.PARENTS}
        return tuple(Coding(*one) for one in known if pair in oracle.lineage(one))


# --- resources -------------------------------------------------------------------------------------------------------


def perhaps_some(draw: Draw, most: int = 2) -> Draw:
    return perhaps(some(draw, most))


TEXTS = one_in(None, "Heart rate", "HÉART  RATE!", "Rate", "heart")
SYSTEMS = one_in(None, "http://a", "http://b")
codings = objects(system=SYSTEMS, code=one_in("x", "X", "y", "top", "z"), display=TEXTS)
concepts = objects(coding=perhaps_some(codings), text=TEXTS).map(lambda one: one or {"text": "rate"})
identifiers = objects(
    system=SYSTEMS,
    value=one_in(None, "7", "x", "X"),
    type=perhaps(objects(coding=perhaps_some(objects(system=SYSTEMS, code=one_in("MR", "SS"))), text=TEXTS)),
).map(lambda one: one or {"value": "7"})
REFERENCES = one_in(
    None, "Patient/1", "Patient/2", "Device/1", "Group/1", "http://own/fhir/Patient/1", "http://else/fhir/Patient/1",
    "Patient/1/_history/2", "urn:uuid:4b7e", "#here", "http://own/fhir/Device/1/_history/1",
)  # fmt: skip
references = objects(
    reference=REFERENCES, identifier=perhaps(identifiers), type=one_in(None, None, "Patient", "Device")
).map(lambda one: one or {"display": "someone"})
DATES = one_in(
    "2013", "2013-03", "2013-03-14", "2012-12-31", "2013-03-14T10:00:00Z", "2013-03-14T10:00:00.500Z",
    "2013-03-14T23:30:00-05:00", "2013-03-15T00:00:00+11:00", "2013-03-15T00:00:00Z",
    "2026-05-29", "2026-05-30", "2026-05-30T19:12:00Z",  # near enough to now for `ap` to be narrow
)  # fmt: skip
periods = objects(start=one_in(None, "2012", "2012-12-01", "2013", "2013-03"), end=perhaps(DATES)).map(
    lambda one: one or {"start": "2013"}
)
URLS = one_in(
    "http://acme.org/fhir", "http://acme.org/fhir/", "http://acme.org/fhir/ValueSet/123", "http://acme.org/fhirx",
    "http://acme.org", "urn:oid:1.2.3", "http://acme.org/FHIR/ValueSet/123", "http://acme.org/fhir/ValueSet",
)  # fmt: skip
CANONICALS = one_in("http://q/one", "http://q/one|1", "http://q/one|2", "http://q/two")
NAMES = one_in(
    None,
    "Müller",
    "muller",
    "O'Brien",
    "Carreno Quinones",
    "Smith-Jones",
    "Éva",
    "E\u0301va Maria",
    "de la Cruz",
)
addresses = objects(city=NAMES, line=perhaps_some(NAMES.filter(bool)), text=NAMES).map(
    lambda one: one or {"use": "home"}
)
names = objects(
    family=NAMES, given=perhaps_some(NAMES.filter(bool)), text=NAMES, prefix=one_in(None, ["Dr."])
).map(lambda one: one or {"use": "usual"})
telecoms = objects(
    system=one_in(None, "phone", "email"),
    value=one_in(None, "+1 (555) 123-4567", "1.555.123.4567", "Eve@Example.org", "eve@example.org", "none"),
    use=one_in("home", "work"),
)
metas = objects(
    profile=perhaps_some(CANONICALS),
    source=perhaps(URLS),
    tag=perhaps_some(codings),
    security=perhaps_some(codings, 1),
).map(lambda one: one or None)

observations = objects(
    resourceType=one_in("Observation"),
    meta=metas,
    status=one_in("final", "amended"),
    code=concepts,
    category=perhaps_some(concepts),
    identifier=perhaps_some(identifiers),
    subject=perhaps(references),
    focus=perhaps_some(references),
    effectiveDateTime=perhaps(DATES),
    component=perhaps_some(objects(code=concepts)),
)
patients = objects(
    resourceType=one_in("Patient"),
    meta=metas,
    identifier=perhaps_some(identifiers),
    name=perhaps_some(names),
    telecom=perhaps_some(telecoms),
    address=perhaps_some(addresses),
    active=one_in(None, True, False),
    gender=one_in(None, "male", "female"),
    deceasedBoolean=one_in(None, None, True, False),
    deceasedDateTime=one_in(None, None, None, "2013-03"),
    birthDate=one_in(None, "2013", "2013-03", "2013-03-14"),
    generalPractitioner=perhaps_some(references),
)
others = (
    objects(
        resourceType=one_in("Encounter"),
        meta=metas,
        status=one_in("finished"),
        **{"class": codings},
        type=perhaps_some(concepts),
        period=perhaps(periods),
        subject=perhaps(references),
    ),
    objects(
        resourceType=one_in("ValueSet"),
        meta=metas,
        status=one_in("draft"),
        url=perhaps(URLS),
        version=one_in(None, "1", "a", "A"),
        name=NAMES,
        title=NAMES,
        compose=perhaps(objects(include=some(objects(system=URLS)))),
    ),
    objects(
        resourceType=one_in("QuestionnaireResponse"),
        meta=metas,
        status=one_in("completed"),
        questionnaire=perhaps(CANONICALS),
        subject=perhaps(references),
        authored=perhaps(DATES),
    ),
    objects(
        resourceType=one_in("DocumentReference"),
        meta=metas,
        status=one_in("current"),
        content=some(
            objects(
                attachment=objects(
                    contentType=one_in(None, "text/xml", "text/xml; charset=UTF-8", "TEXT/XML", "text/plain")
                )
            )
        ),
    ),
)

# --- criteria --------------------------------------------------------------------------------------------------------


def comma(values: Draw) -> Draw:
    return some(values).map(",".join)


def asked(names: str, modifiers: str, values: Draw) -> list[Draw]:
    """For each modifier (`-` stands for none) one of the names with it, and one or two of the values."""
    return [
        pair(one_in(*names.split()).map(lambda name, end=end: name + end), comma(values))
        for end in ("" if modifier == "-" else f":{modifier}" for modifier in modifiers.split())
    ]


FORMS = one_in("x", "X", "http://a|x", "|x", "http://a|", "http://b|y", "y", "top", "http://none|x")
SETS = one_in(*oracle.VALUE_SETS)
CONCEPTS = one_in("http://a|x", "http://a|top", "http://a|y", "http://b|y")
WORDS = one_in("heart", "Rate", "rate!", "héart rate", "r", "x")
PARTS = one_in(
    "mull", "MÜLL", "éva", "e", "obrien", "O'Brien", "Quinones", "jones", "cruz", "de la", "maria", "Éva"
)
TYPED = one_in("http://a|MR|7", "http://b|SS|x", "http://a|SS|7", "http://a|MR|X")
NUMBERS = one_in("15551234567", "+1-555-123-4567", "EVE@example.org", "none", "555")
REFERRED = one_in(
    "Patient/1", "1", "Device/1", "http://own/fhir/Patient/1", "http://else/fhir/Patient/1", "2", "Group/1",
    "Patient/1/_history/2", "urn:uuid:4b7e", "http://own/fhir/Device/1/_history/1",
)  # fmt: skip
PREFIXED = pair(one_in("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"), DATES).map("".join)
VERSIONED = pair(one_in("http://acme.org/fhir", "http://acme.org"), one_in("1", "a")).map("|".join)
HIERARCHIC = URLS.filter(lambda url: url.startswith("http"))
presence = one_in("true", "false")


def missing(names: str) -> list[Draw]:
    return [pair(one_in(*names.split()).map(lambda name: f"{name}:missing"), presence)]


def concept_criteria(names: str) -> list[Draw]:
    return [
        *asked(names, "- not", FORMS),
        *asked(names, "in not-in", SETS),
        *asked(names, "above below", CONCEPTS),
        *asked(names, "text", WORDS),
    ]


OF_EVERY_TYPE = [
    *asked("_profile", "-", CANONICALS),
    *asked("_profile", "above below", one_in("http://q/one", "http://q", "http://q/")),
    *asked("_source", "-", URLS),
    *asked("_source", "above below", HIERARCHIC),
    *asked("_tag _security", "- not", FORMS),
    *missing("_profile _source _tag"),
]
GENDERS = "http://hl7.org/fhir/administrative-gender"
CRITERIA = {
    "Observation": [
        *concept_criteria("code category combo-code component-code"),
        *asked("status", "- not", one_in("final", "|final", "http://hl7.org/fhir/observation-status|final", "http://a|final", "http://hl7.org/fhir/observation-status|", "http://a|")),
        *asked("status", "in not-in", SETS),
        *asked("identifier", "- not", FORMS),
        *asked("identifier", "of-type", TYPED),
        *asked("identifier", "text", WORDS),
        *asked("subject patient focus", "-", REFERRED.filter(lambda one: not one.startswith("Device"))),
        *asked("subject focus", "-", REFERRED),
        *asked("subject focus", "Patient", one_in("1", "2", "Patient/1")),
        *asked("subject patient focus", "identifier", FORMS),
        *asked("date", "-", PREFIXED),
        *missing("category identifier subject patient focus date component-code combo-code"),
    ],
    "Patient": [
        *asked("identifier", "- not", FORMS),
        *asked("identifier", "of-type", TYPED),
        *asked("telecom phone email", "- not", NUMBERS),
        *asked("active deceased", "- not", presence),
        *asked("gender", "- not", one_in("male", "|male", f"{GENDERS}|male", f"{GENDERS}|", "unknown")),
        *asked("name family given address address-city", "- contains", PARTS),
        *asked("name family given address address-city", "exact", NAMES.filter(bool)),
        *asked("birthdate", "-", PREFIXED),
        *asked("general-practitioner", "-", REFERRED.filter(lambda one: "/" not in one or "://" in one)),
        *asked("general-practitioner", "identifier", FORMS),
        *missing("identifier telecom phone name family address active gender deceased birthdate general-practitioner"),
    ],
    "Encounter": [
        *concept_criteria("class type"),
        *asked("date", "-", PREFIXED),
        *asked("subject", "-", REFERRED),
        *missing("type date subject patient"),
    ],
    "ValueSet": [
        *asked("url", "-", URLS),
        *asked("url", "-", VERSIONED),
        *asked("url", "above below", HIERARCHIC),
        *asked("version", "- not", one_in("1", "a", "A")),
        *asked("name title", "- contains", PARTS),
        *asked("name title", "exact", NAMES.filter(bool)),
        *asked("reference", "-", URLS.filter(lambda url: not url.startswith("urn"))),
        *missing("url version name title reference"),
    ],
    "QuestionnaireResponse": [
        *asked("questionnaire", "-", CANONICALS),
        *asked("subject", "-", one_in("Patient/1", "1", "Device/1")),
        *asked("authored", "-", PREFIXED),
        *missing("questionnaire subject authored"),
    ],
    "DocumentReference": [
        *asked("contenttype", "- not", one_in("text/xml", "TEXT/XML", "text/plain")),
        *asked("contenttype", "below", one_in("text/xml", "TEXT/xml", "text/plain")),
        *missing("contenttype"),
    ],
}  # fmt: skip


def queries(random: Random) -> list[tuple[str, list[tuple[str, str]]]]:
    """Of every type each kind of criterion once by itself, and some together with another."""
    each = [(of, one.draw(random)) for of, kinds in CRITERIA.items() for one in (*kinds, *OF_EVERY_TYPE)]
    together = [
        (of, [pair, random.choice(CRITERIA[of]).draw(random)]) for of, pair in each[random.randrange(6) :: 6]
    ]
    return [(of, [pair]) for of, pair in each] + together


# --- the proof -------------------------------------------------------------------------------------------------------


async def answers(url: str, resources: list[dict], asked_for: list) -> list[tuple[set[str], set[str], int]]:
    """For each query the ids that the database gives, those that are met in memory, and the total."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "TRUNCATE resource, resource_date, resource_number, resource_string, change_log"
        )
    database = Database(url, size=2)
    await database.open()
    try:
        trees = [parse(dumps(resource)) for resource in resources]
        rows = [(tree, index(tree["resourceType"], tree, base_url=oracle.OWN)) for tree in trees]
        await database.create_all(
            [Draft(tree["resourceType"], tree["id"], tree, row, "PUT") for tree, row in rows]
        )
        async with database.connection() as connection:
            return [await answer(connection, type, pairs, trees) for type, pairs in asked_for]
    finally:
        await database.close()


async def answer(connection, type, pairs, trees) -> tuple[set[str], set[str], int]:
    every, limits = showing(EVERYTHING), Limits(100, 100)
    asking = Asking("t", oracle.NOW, oracle.OWN, "strict", limits, b"k" * 32, Known())
    found = await search(connection, type, (*pairs, ("_total", "accurate")), every, asking)
    planned = plan(parse_query(type, pairs), every, "strict", limits, Reading(oracle.NOW, oracle.OWN))
    planned = await answered(planned, Terminology(Known(), connection, every, oracle.OWN))
    met = {
        tree["id"]
        for tree in trees
        if tree["resourceType"] == type and all(meets(one, tree, oracle.OWN) for one in planned.wanted)
    }
    bundle = orjson.loads(found.body)
    return {entry["resource"]["id"] for entry in bundle.get("entry", ())}, met, bundle["total"]


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # a smaller example is not worth minutes
)
@given(random=st.randoms(use_true_random=True))
def test_the_database_the_elements_in_memory_and_the_judge_agree(database_url, random):
    drawn = [
        resource for kind in (observations, patients, *others) for resource in some(kind, 8, 5).draw(random)
    ]
    asked_for = queries(random)
    named = [{**resource, "id": f"r{number}"} for number, resource in enumerate(drawn)]

    given_ = asyncio.run(answers(database_url, named, asked_for))

    for (type, pairs), (by_database, in_memory, total) in zip(asked_for, given_, strict=True):
        told = {
            resource["id"]
            for resource in named
            if resource["resourceType"] == type and all(oracle.found(type, pair, resource) for pair in pairs)
        }
        assert (by_database, in_memory, total) == (told, told, len(told)), (
            type,
            pairs,
            [
                one
                for one in named
                if one["id"] in (by_database ^ told) | (in_memory ^ told)
                or (total != len(told) and one["resourceType"] == type)
            ],
        )
