"""Random resources and random queries: the database, the elements in memory and the specification agree.

The judge below is written from https://hl7.org/fhir/R4/search.html#ptypes alone; it shares nothing with the server's own code.
"""

import asyncio
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal

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
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING
from terminology.service import NoTerminologyService
from tests.integration.search.conftest import showing

NOW = datetime(2026, 6, 1, tzinfo=UTC)
UCUM = "http://unitsofmeasure.org"
ALWAYS, NEVER = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")


def one_in(*values):
    return st.sampled_from(values)


# --- resources -------------------------------------------------------------------------------------------------------

DATES = one_in(
    "2013", "2013-03", "2013-03-14", "2013-03-15", "2012-12-31", "2013-03-14T10:00:00Z", "2013-03-14T10:00:00.500Z",
    "2013-03-14T23:30:00-05:00", "2013-03-15T00:00:00+11:00", "2013-03-13T23:59:59Z", "2013-03-15T00:00:00Z",
)  # fmt: skip
SYSTEMS, CODES = one_in(None, "http://a", "http://b"), one_in("x", "X", "y")
NUMBERS = one_in(*map(Decimal, ("5", "5.0", "5.4", "5.35", "5.45", "4.9", "-5", "0", "100", "99.5")))


def without_nothing(resource: dict) -> dict:
    return {name: value for name, value in resource.items() if value is not None}


codings = st.builds(lambda s, c: without_nothing({"system": s, "code": c}), SYSTEMS, CODES)
concepts = st.builds(lambda many: {"coding": many}, st.lists(codings, min_size=1, max_size=3))
periods = st.builds(
    lambda a, b: without_nothing({"start": a, "end": b}), one_in(None, "2012", "2013-03-01"), DATES
)
quantities = st.builds(
    lambda value, comparator, system, code: without_nothing(
        {
            "value": value,
            "comparator": comparator,
            "system": system,
            "code": code,
            "unit": code and "u" + code,
        }
    ),
    NUMBERS,
    one_in(None, None, None, "<", "<=", ">", ">="),
    one_in(None, UCUM),
    one_in(None, "mg", "g"),
)
subjects = st.builds(
    lambda text: text and {"reference": text},
    one_in(
        None, "Patient/1", "Patient/2", "Device/1", "http://own/fhir/Patient/1", "http://else/fhir/Patient/1"
    ),
)
observations = st.builds(
    lambda status, code, subject, category, when, value, parts: without_nothing(
        {
            "resourceType": "Observation",
            "status": status,
            "code": code,
            "subject": subject,
            "category": category,
            **when,
            "valueQuantity": value,
            "component": [{"code": {"text": "c"}, "valueQuantity": part} for part in parts] or None,
        }
    ),
    one_in("final", "amended"),
    concepts,
    subjects,
    st.one_of(st.none(), st.lists(concepts, min_size=1, max_size=2)),
    st.one_of(
        st.builds(lambda date: {"effectiveDateTime": date}, DATES),
        st.builds(lambda period: {"effectivePeriod": period}, periods),
        st.just({}),
    ),
    st.one_of(st.none(), quantities),
    st.lists(quantities, max_size=2),
)
patients = st.builds(
    lambda family, given, born, gender, active: without_nothing(
        {
            "resourceType": "Patient",
            "name": [without_nothing({"family": family, "given": given})] if family or given else None,
            "birthDate": born,
            "gender": gender,
            "active": active,
        }
    ),
    one_in(None, "Müller", "Muller", "O'Brien", "Mull"),
    st.one_of(st.none(), st.lists(one_in("Eve", "Éva", "eve"), min_size=1, max_size=2)),
    one_in(None, "2013", "2013-03", "2013-03-14"),
    one_in(None, "male", "female"),
    one_in(None, True, False),
)

# --- queries ---------------------------------------------------------------------------------------------------------

token_values = one_in("x", "X", "http://a|x", "|x", "http://a|", "http://b|y", "y")
comma = lambda values: st.lists(values, min_size=1, max_size=2).map(",".join)  # noqa: E731
dated = st.builds(str.__add__, one_in(*PREFIXES), DATES)
amount = st.builds(
    lambda prefix, number, unit: f"{prefix}{number}{unit}",
    one_in(*PREFIXES),
    NUMBERS,
    one_in("", "", f"|{UCUM}|mg", "||mg", "||umg"),
)
references = one_in(
    "Patient/1", "1", "Device/1", "http://own/fhir/Patient/1", "http://else/fhir/Patient/1", "Patient/2"
)
presence = one_in("true", "false")
observation_criteria = st.one_of(
    st.tuples(one_in("code", "code:not", "category", "category:not", "combo-code"), comma(token_values)),
    st.tuples(one_in("status", "status:not"), one_in("final", "amended", "final,amended")),
    st.tuples(one_in("subject", "patient"), comma(references)),
    st.tuples(st.just("date"), comma(dated)),
    st.tuples(one_in("value-quantity", "component-value-quantity", "combo-value-quantity"), comma(amount)),
    st.tuples(
        one_in("date:missing", "subject:missing", "category:missing", "value-quantity:missing"), presence
    ),
    st.tuples(one_in("component-value-quantity:missing", "combo-value-quantity:missing"), presence),
)
patient_criteria = st.one_of(
    st.tuples(
        one_in("name", "family", "given", "name:contains", "name:exact"),
        comma(one_in("mull", "Eve", "e", "O'Brien")),
    ),
    st.tuples(one_in("birthdate"), comma(dated)),
    st.tuples(one_in("gender", "gender:not"), one_in("male", "female")),
    st.tuples(one_in("active", "deceased"), presence),
    st.tuples(one_in("birthdate:missing", "name:missing", "gender:missing", "active:missing"), presence),
)


# --- the judge -------------------------------------------------------------------------------------------------------


def covers(text: str) -> tuple[datetime, datetime]:
    found = re.fullmatch(
        r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?", text
    )
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    start = datetime(
        int(year),
        int(month or 1),
        int(day or 1),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        tzinfo=UTC,
    )
    if month is None:
        return start, start.replace(year=start.year + 1)
    if day is None:
        return start, (start + timedelta(days=32)).replace(day=1)
    if hour is None:
        return start, start + timedelta(days=1)
    if zone != "Z":
        shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
        start = start - shift if zone[0] == "+" else start + shift
    if fraction:
        start += timedelta(microseconds=int(Decimal(fraction) * 1_000_000))
        return start, start + timedelta(microseconds=10 ** (7 - len(fraction)))
    return start, start + timedelta(seconds=1)


def when(resource: dict):
    if "effectivePeriod" in resource:
        period = resource["effectivePeriod"]
        return (
            covers(period["start"])[0] if "start" in period else NEVER,
            covers(period["end"])[1] if "end" in period else ALWAYS,
        )
    text = resource.get("effectiveDateTime") or resource.get("birthDate")
    return covers(text) if text else None


def split_prefix(text: str) -> tuple[str, str]:
    return (text[:2], text[2:]) if text[:2] in PREFIXES and text[:2] else ("eq", text)


def date_found(text: str, resource: dict) -> bool:
    prefix, date = split_prefix(text)
    (from_, to), stored = covers(date), when(resource)
    if stored is None:
        return False
    start, end = stored
    contains = from_ <= start and end <= to
    above, below = end > to, start < from_  # the range above (below) what is asked overlaps what is stored
    return {
        "eq": contains,
        "ne": not contains,
        "gt": above,
        "lt": below,
        "ge": above or contains,
        "le": below or contains,
        "sa": start >= to,
        "eb": end <= from_,
    }[prefix]


def token_found(text: str, coded: list[tuple[str | None, str | None]]) -> bool:
    if "|" not in text:
        return any(code == text for _, code in coded)
    system, code = text.split("|")
    return any((s or "") == system and (code in ("", c)) for s, c in coded)


def codes_of(many: list[dict]) -> list[tuple[str | None, str | None]]:
    return [
        (coding.get("system"), coding.get("code")) for concept in many for coding in concept.get("coding", ())
    ]


MILLIGRAMS = {"mg": 1, "g": 1000}


def quantity_found(text: str, quantity: dict) -> bool:
    prefix, rest = split_prefix(text)
    number, *unit = rest.split("|")
    asked, value = Decimal(number), quantity["value"]
    half = Decimal(1).scaleb(asked.as_tuple().exponent) / 2
    if unit and unit[0]:
        if quantity.get("system") != unit[0] or "code" not in quantity:
            return False
        value *= MILLIGRAMS[quantity["code"]]
        asked, half = asked * MILLIGRAMS[unit[1]], half * MILLIGRAMS[unit[1]]
    if unit and not unit[0] and unit[1] not in (quantity.get("code"), quantity.get("unit")):
        return False
    comparator = quantity.get("comparator")
    open_below, open_above = comparator in ("<", "<="), comparator in (">", ">=")
    inside = not comparator and asked - half <= value < asked + half
    reaches = comparator not in ("<", ">")  # the value itself is among those that are meant
    return {
        "eq": inside,
        "ne": not inside,
        "gt": open_above or value > asked,
        "lt": open_below or value < asked,
        "ge": open_above or value > asked or (value == asked and reaches),
        "le": open_below or value < asked or (value == asked and reaches),
        "sa": not open_below and (value > asked or (value == asked and comparator == ">")),
        "eb": not open_above and (value < asked or (value == asked and comparator == "<")),
    }[prefix]


def quantities_of(name: str, resource: dict) -> list[dict]:
    own = [resource["valueQuantity"]] if "valueQuantity" in resource else []
    parts = [part["valueQuantity"] for part in resource.get("component", ())]
    return {"value-quantity": own, "component-value-quantity": parts, "combo-value-quantity": own + parts}[
        name
    ]


def reference_found(name: str, text: str, resource: dict) -> bool:
    stored = resource.get("subject", {}).get("reference", "").removeprefix("http://own/fhir/")
    asked = text.removeprefix("http://own/fhir/")
    if name == "patient" and "Patient/" not in stored:
        return False
    if "/" in asked:
        return stored == asked
    return stored in (
        f"Patient/{asked}",
        *(() if name == "patient" else (f"Device/{asked}", f"Group/{asked}")),
    )


def plain(text: str) -> str:
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if c.isalnum() or c.isspace())
    return letters.lower()


def string_found(name: str, modifier: str, text: str, resource: dict) -> bool:
    names = resource.get("name", [])
    family = [one["family"] for one in names if "family" in one]
    given = [part for one in names for part in one.get("given", ())]
    parts = {"name": family + given, "family": family, "given": given}[name]
    return any(
        {
            "": plain(part).startswith(plain(text)),
            "contains": plain(text) in plain(part),
            "exact": part == text,
        }[modifier]
        for part in parts
    )


def tokens_of(name: str, resource: dict) -> list[tuple[str | None, str | None]]:
    match name:
        case "code":
            return codes_of([resource["code"]])
        case "combo-code":
            return codes_of([resource["code"], *(part["code"] for part in resource.get("component", ()))])
        case "category":
            return codes_of(resource.get("category", []))
        case "active":
            return [(None, str(resource["active"]).lower())] if "active" in resource else []
        case "deceased":
            return [(None, "false")]
    return [(None, resource[name])] if name in resource else []


def present(name: str, resource: dict) -> bool:
    if name.endswith("quantity"):
        return bool(quantities_of(name, resource))
    if name in ("date", "birthdate"):
        return when(resource) is not None
    return name in resource


def one_found(name: str, modifier: str, text: str, resource: dict) -> bool:
    if name in ("date", "birthdate"):
        return date_found(text, resource)
    if name.endswith("quantity"):
        return any(quantity_found(text, quantity) for quantity in quantities_of(name, resource))
    if name in ("subject", "patient"):
        return reference_found(name, text, resource)
    if name in ("name", "family", "given"):
        return string_found(name, modifier, text, resource)
    return token_found(text, tokens_of(name, resource))


def found(criterion: tuple[str, str], resource: dict) -> bool:
    name, _, modifier = criterion[0].partition(":")
    if modifier == "missing":
        return present(name, resource) is (criterion[1] == "false")
    any_of = any(one_found(name, modifier, text, resource) for text in criterion[1].split(","))
    return not any_of if modifier == "not" else any_of


# --- the proof -------------------------------------------------------------------------------------------------------


async def answers(
    url: str, resources: list[dict], queries: list[tuple[str, list[tuple[str, str]]]]
) -> list[set[str]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "TRUNCATE resource, resource_date, resource_number, resource_string, change_log"
        )
    database = Database(url, size=2)
    await database.open()
    try:
        trees = [parse(dumps(resource)) for resource in resources]
        await database.create_all(
            [
                Draft(
                    t["resourceType"],
                    t["id"],
                    t,
                    index(t["resourceType"], t, base_url="http://own/fhir"),
                    "PUT",
                )
                for t in trees
            ]
        )
        asking = Asking(
            "t", NOW, "http://own/fhir", "strict", Limits(100, 100), b"k" * 32, NoTerminologyService()
        )
        given = []
        async with database.connection() as connection:
            for type, pairs in queries:
                body = (await search(connection, type, pairs, showing(EVERYTHING), asking)).body
                given.append({entry["resource"]["id"] for entry in orjson.loads(body).get("entry", ())})
        return given
    finally:
        await database.close()


def in_memory(type: str, pairs: list[tuple[str, str]], resources: list[dict]) -> set[str]:
    reading = Reading(NOW, "http://own/fhir")
    planned = plan(parse_query(type, pairs), showing(EVERYTHING), "strict", Limits(100, 100), reading)
    return {
        resource["id"]
        for resource in resources
        if resource["resourceType"] == type
        and all(meets(one, parse(dumps(resource)), "http://own/fhir") for one in planned.wanted)
    }


queries_ = st.lists(
    st.one_of(
        st.tuples(st.just("Observation"), st.lists(observation_criteria, min_size=1, max_size=3)),
        st.tuples(st.just("Patient"), st.lists(patient_criteria, min_size=1, max_size=2)),
    ),
    min_size=40,
    max_size=40,
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # a smaller example is not worth minutes
)
@given(
    resources=st.lists(st.one_of(observations, observations, patients), min_size=12, max_size=25),
    queries=queries_,
)
def test_the_database_finds_what_the_specification_says(database_url, resources, queries):
    named = [{**resource, "id": f"r{number}"} for number, resource in enumerate(resources)]

    by_database = asyncio.run(answers(database_url, named, queries))

    for (type, pairs), given_ in zip(queries, by_database, strict=True):
        told = {
            resource["id"]
            for resource in named
            if resource["resourceType"] == type and all(found(pair, resource) for pair in pairs)
        }
        assert (in_memory(type, pairs, named), given_) == (told, told), (type, pairs)
