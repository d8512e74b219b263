"""The order of pages: what Python's own sorting gives, whatever the keys and however many values are missing.

The values are read off the resources by the test itself, from https://hl7.org/fhir/R4/search.html#sort alone.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhir_server.json import dumps, parse
from fhir_server.search.index import index
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from tests.integration.search.conftest import searchset


def one_in(*values):
    return st.sampled_from(values)


def without_nothing(resource: dict) -> dict:
    return {name: value for name, value in resource.items() if value not in (None, [], {})}


DATES = one_in(None, "2013", "2013-03", "2013-03-14T10:00:00Z", "2013-03-14T10:00:00+02:00", "2012-12-31")
codings = st.builds(
    lambda system, code: without_nothing({"system": system, "code": code}),
    one_in(None, "http://a", "http://b"),
    one_in(None, "x", "X", "y", "ä"),
)
concepts = st.builds(
    lambda text, many: without_nothing({"text": text, "coding": many}),
    st.just("t"),
    st.lists(codings.filter(bool), max_size=2),
)
numbers = one_in(None, *map(Decimal, ("5", "5.0", "5.4", "-5", "0", "100.25", "1e3")))
quantities = numbers.map(lambda number: number is not None and {"value": number})
references = one_in(None, "Patient/1", "Patient/2", "Device/1", "http://else/fhir/Patient/1")
texts = one_in(None, "Müller", "muller", "O'Brien", "Zoë", "zoe")
identifiers = st.lists(one_in("1", "10", "2", "b").map(lambda value: {"value": value}), max_size=2)

observations = st.builds(
    lambda **drawn: without_nothing(
        {
            "resourceType": "Observation",
            "status": drawn["status"],
            "code": drawn["code"],
            "category": drawn["category"],
            "subject": without_nothing({"reference": drawn["subject"]}),
            "identifier": drawn["identifier"],
            "effectiveDateTime": drawn["effective"],
            "valueQuantity" if drawn["measured"] else "valueString": drawn[
                "value" if drawn["measured"] else "text"
            ]
            or None,
            "component": [{"code": {"text": "c"}, "valueQuantity": part} for part in drawn["parts"] if part],
            "meta": without_nothing({"source": drawn["source"]}),
        }
    ),
    status=one_in("final", "amended", "preliminary"),
    code=concepts,
    category=st.lists(concepts, max_size=2),
    subject=references,
    identifier=identifiers,
    effective=DATES,
    measured=st.booleans(),
    value=quantities,
    text=texts,
    parts=st.lists(quantities, max_size=2),
    source=one_in(None, "http://s/1", "http://s/2"),
)
risks = st.builds(
    lambda **drawn: without_nothing(
        {
            "resourceType": "RiskAssessment",
            "status": "final",
            "subject": {"reference": "Patient/1"},
            "prediction": [{"probabilityDecimal": one} for one in drawn["probabilities"] if one is not None],
        }
    ),
    probabilities=st.lists(one_in(None, *map(Decimal, ("0.1", "0.10", "0.5", "0.75"))), max_size=3),
)
patients = st.builds(
    lambda **drawn: without_nothing(
        {
            "resourceType": "Patient",
            "name": [without_nothing({"family": family}) for family in drawn["families"] if family],
            "birthDate": drawn["born"],
            "active": drawn["active"],
            "telecom": [
                {"system": system, "value": value}
                for system, value in zip(("phone", "email"), drawn["telecom"], strict=True)
                if value
            ],
            "generalPractitioner": [{"reference": one} for one in drawn["doctors"]],
            **drawn["deceased"],
        }
    ),
    families=st.lists(texts, max_size=2),
    born=one_in(None, "2013", "2013-03", "2012-12-31"),
    active=one_in(None, True, False),
    telecom=st.tuples(one_in(None, "1", "2"), one_in(None, "a@b", "c@d")),
    doctors=st.lists(one_in("Practitioner/1", "Practitioner/2", "Organization/9"), max_size=2),
    deceased=one_in(
        {}, {"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedDateTime": "2020-01"}
    ),
)


# --- the judge -------------------------------------------------------------------------------------------------------


def start(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}-01-01"[:10] if len(text) <= 10 else text).replace(
        **({"tzinfo": UTC} if len(text) <= 10 else {})
    )


def plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if c.isalnum() or c.isspace()).casefold()


def codes(*concepts: dict) -> list[str]:
    return [one["code"] for concept in concepts for one in concept.get("coding", ()) if "code" in one]


def amounts(*elements: dict) -> list[Decimal]:
    return [Decimal(str(one["valueQuantity"]["value"])) for one in elements if "valueQuantity" in one]


def telecom(resource: dict, system: str) -> list[str]:
    return [one["value"] for one in resource.get("telecom", ()) if one["system"] == system]


def every(name: str) -> Callable[[dict], list]:
    return lambda r: [r[name]] if name in r else []


VALUES: dict[str, dict[str, Callable[[dict], list]]] = {
    "Observation": {
        "_id": every("id"),
        "status": every("status"),
        "code": lambda r: codes(r["code"]),
        "category": lambda r: codes(*r.get("category", ())),
        "subject": lambda r: [r["subject"]["reference"]] if "subject" in r else [],
        "identifier": lambda r: [one["value"] for one in r.get("identifier", ())],
        "date": lambda r: [start(r["effectiveDateTime"])] if "effectiveDateTime" in r else [],
        "value-quantity": amounts,
        "value-string": lambda r: [plain(r["valueString"])] if "valueString" in r else [],
        "component-value-quantity": lambda r: amounts(*r.get("component", ())),
        "combo-value-quantity": lambda r: amounts(r, *r.get("component", ())),
        "_source": lambda r: [r["meta"]["source"]] if "meta" in r else [],
    },
    "RiskAssessment": {
        "_id": every("id"),
        "probability": lambda r: [Decimal(str(one["probabilityDecimal"])) for one in r.get("prediction", ())],
    },
    "Patient": {
        "_id": every("id"),
        "family": lambda r: [plain(one["family"]) for one in r.get("name", ())],
        "birthdate": lambda r: [start(r["birthDate"])] if "birthDate" in r else [],
        "active": lambda r: [str(r["active"]).lower()] if "active" in r else [],
        "phone": lambda r: telecom(r, "phone"),
        "email": lambda r: telecom(r, "email"),
        "telecom": lambda r: [one["value"] for one in r.get("telecom", ())],
        "general-practitioner": lambda r: [one["reference"] for one in r.get("generalPractitioner", ())],
        "deceased": lambda r: [str(r.get("deceasedBoolean", "deceasedDateTime" in r)).lower()],
        "death-date": lambda r: [datetime(2020, 1, 1, tzinfo=UTC)] if "deceasedDateTime" in r else [],
    },
}


def value(resource: dict, key: str):
    """The value that comes first in the direction of `key`; None where there is none."""
    best = max if key.startswith("-") else min
    return best(VALUES[resource["resourceType"]][key.removeprefix("-")](resource), default=None)


def ordered(resources: list[dict], keys: list[str]) -> list[tuple]:
    """The values of the resources by each key, in order."""
    rows = [tuple(value(resource, key) for key in keys) for resource in resources]
    for n, key in reversed(list(enumerate(keys))):
        there = [row for row in rows if row[n] is not None]
        there.sort(key=lambda row, n=n: row[n], reverse=key.startswith("-"))
        rows = there + [row for row in rows if row[n] is None]
    return rows


def sorts(type: str):
    """Some orders by one key to four."""
    keys = st.builds(str.__add__, one_in("", "-"), one_in(*VALUES[type]))
    several = st.lists(keys, min_size=1, max_size=4, unique_by=lambda key: key.removeprefix("-"))
    return st.lists(several, min_size=8, max_size=8)


# --- the proof -------------------------------------------------------------------------------------------------------


async def walks(url: str, type: str, resources: list[dict], orders: list[list[str]]) -> list[list[str]]:
    """The ids of each order, page by page."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "TRUNCATE resource, resource_date, resource_number, resource_string, change_log"
        )
    database = Database(url, size=2)
    await database.open()
    try:
        trees = [parse(dumps(resource)) for resource in resources]
        await database.create_all([Draft(type, t["id"], t, index(type, t), "PUT") for t in trees])
        return [await walked(database, type, (("_sort", ",".join(keys)), ("_count", "5"))) for keys in orders]
    finally:
        await database.close()


async def walked(database: Database, type: str, pairs: tuple[tuple[str, str], ...]) -> list[str]:
    found = await searchset(database, type, pairs)
    ids = list(found.ids)
    while found.next:
        found = await searchset(database, type, found.next)
        ids += found.ids
    return ids


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # a smaller example is not worth minutes
)
@given(
    drawn=st.one_of(
        *(
            st.tuples(st.just(type), st.lists(one, min_size=12, max_size=24), sorts(type))
            for type, one in (("Observation", observations), ("Patient", patients), ("RiskAssessment", risks))
        )
    )
)
def test_pages_come_in_the_order_that_python_sorts_in(database_url, drawn):
    type, resources, orders = drawn
    named = {f"r{n}": {**resource, "id": f"r{n}"} for n, resource in enumerate(resources)}

    given_ = asyncio.run(walks(database_url, type, list(named.values()), orders))

    for keys, ids in zip(orders, given_, strict=True):
        assert sorted(ids) == sorted(named), keys
        in_order = [tuple(value(named[id], key) for key in keys) for id in ids]
        assert in_order == ordered(list(named.values()), keys), keys


@pytest.mark.parametrize(
    ("sort", "order"),
    [("probability", ["some", "range", "none"]), ("-probability", ["range", "some", "none"])],
)
async def test_a_range_goes_by_where_it_begins(store, find, sort, order):
    def risk(id, **prediction):
        return {
            "resourceType": "RiskAssessment",
            "id": id,
            "status": "final",
            "subject": {"reference": "Patient/1"},
            "prediction": [{"outcome": {"text": "o"}, **prediction}],
        }

    await store(
        risk("range", probabilityRange={"low": {"value": 0.3}, "high": {"value": 0.4}}),
        risk("some", probabilityDecimal=0.2),
        risk("none"),
    )

    assert (await find("RiskAssessment", ("_sort", sort))).ids == order


async def test_of_a_reference_that_may_be_to_several_types_the_one_that_the_parameter_names_counts(
    store, find
):
    def observation(id, reference):
        return {
            "resourceType": "Observation",
            "id": id,
            "status": "final",
            "code": {"text": "c"},
            "subject": {"reference": reference},
        }

    await store(
        observation("device", "Device/1"),
        observation("b", "http://else/fhir/Patient/2"),
        observation("a", "Patient/1/_history/2"),
    )

    assert (await find("Observation", ("_sort", "patient"))).ids == ["a", "b", "device"]


async def test_a_patients_readings_by_date_are_sorted_on_within_one_date(store, find, observation):
    await store(
        *(
            observation(f"{status}{n}", status=status, effectiveDateTime=f"2026-01-0{n}T00:00:00Z")
            for status in ("final", "amended")
            for n in (1, 2)
        )
    )
    pairs = (("patient", "p1"), ("_sort", "-date,status"), ("_count", "1"))
    ids, found = [], await find("Observation", *pairs)
    while found.next:
        ids += found.ids
        found = await find("Observation", *found.next)

    assert ids + found.ids == ["amended2", "final2", "amended1", "final1"]


@pytest.mark.parametrize("sort", ["_id", "-_id", "_lastUpdated,-_id", "-_lastUpdated"])
async def test_over_several_types_resources_of_one_id_are_each_given_once(store, find, observation, sort):
    for n in range(4):
        await store(observation(f"same{n}"), {"resourceType": "Patient", "id": f"same{n}"})
    pairs = (("_type", "Observation,Patient"), ("_sort", sort))
    entries, found = [], await find("", *pairs, ("_count", "1"))
    while True:
        entries += [
            (entry["resource"]["id"], entry["resource"]["resourceType"]) for entry in found.bundle["entry"]
        ]
        if not found.next:
            break
        found = await find("", *found.next)

    assert sorted(entries) == [(f"same{n}", type) for n in range(4) for type in ("Observation", "Patient")]
    ids = [id for id, _ in entries]
    assert ids == sorted(ids, reverse=sort.startswith("-"))
