"""Random quantities and composites: SQL, the elements in memory and a judge of its own find the same.

The judge is written from https://hl7.org/fhir/R4/search.html#quantity and #composite, with units in fractions by hand.
"""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.json import dumps, parse
from fhir_server.search.conditions import hashed, predicate
from fhir_server.search.criteria import condition, meets
from fhir_server.search.index import index
from fhir_server.search.params.catalog import served
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import Criterion
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft

UCUM, LOINC = "http://unitsofmeasure.org", "http://loinc.org"
READING = Reading(datetime(2026, 6, 1, tzinfo=UTC), "http://own/fhir")
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

# what is measured; how many base units one is; where its zero lies
UNITS = {
    "mg": ("mass", Fraction(1), 0),
    "g": ("mass", Fraction(1000), 0),
    "[lb_av]": ("mass", Fraction(45359237, 100), 0),
    "mm[Hg]": ("pressure", Fraction(133322, 1000), 0),
    "kPa": ("pressure", Fraction(1000), 0),
    "Cel": ("temperature", Fraction(1), Fraction(27315, 100)),
    "[degF]": ("temperature", Fraction(5, 9), Fraction(45967, 180)),
    "/min": ("frequency", Fraction(1, 60), 0),
    "{beats}/min": ("frequency", Fraction(1, 60), 0),
    "Hz": ("frequency", Fraction(1), 0),
    "mmol/L": ("amount in volume", Fraction(1), 0),
    "mg/dL": ("mass in volume", Fraction(1), 0),
    "[IU]/L": ("units in volume", Fraction(1), 0),
    "%": ("part", Fraction(1, 100), 0),
    "1": ("part", Fraction(1), 0),
    "B[SPL]": None,
    "bpm": None,
}


def one_in(*values):
    return st.sampled_from(values)


# --- resources -------------------------------------------------------------------------------------------------------

NUMBERS = one_in(
    *map(
        Decimal,
        (
            "0",
            "1",
            "1.0",
            "60",
            "60.0",
            "37",
            "37.0",
            "98.6",
            "1000",
            "0.5",
            "5.4",
            "-5",
            "5.35",
            "133.322",
            "100",
        ),
    )
)


def without_nothing(resource: dict) -> dict:
    return {name: value for name, value in resource.items() if value is not None}


codings = st.builds(
    lambda system, code: without_nothing({"system": system, "code": code}),
    one_in(LOINC, None, "http://b"),
    one_in("x", "y"),
)
concepts = st.one_of(
    st.builds(lambda many: {"coding": many}, st.lists(codings, min_size=1, max_size=2)),
    st.just({"text": "x"}),
)
# measures that are equal, or nearly so
MEASURES = one_in(
    *(
        (Decimal(number), code)
        for number, code in (
            ("37", "Cel"), ("98.6", "[degF]"), ("98.60", "[degF]"), ("99", "[degF]"),
            ("60", "/min"), ("1", "Hz"), ("60.0", "{beats}/min"), ("1000", "mg"), ("1", "g"), ("1.0", "g"),
            ("453.59237", "g"), ("1", "[lb_av]"), ("100", "%"), ("1", "1"), ("1", "mm[Hg]"), ("0.133322", "kPa"),
        )
    )
)  # fmt: skip
quantities = st.builds(
    lambda measure, other, comparator, system, unit: without_nothing(
        {"comparator": comparator, "system": system, "unit": unit}
        | dict(zip(("value", "code"), other or measure, strict=True))
    ),
    MEASURES,
    st.one_of(
        st.none(), st.none(), st.tuples(st.one_of(st.none(), NUMBERS), st.one_of(st.none(), one_in(*UNITS)))
    ),
    one_in(None, None, None, "<", "<=", ">", ">="),
    one_in(UCUM, UCUM, UCUM, UCUM, None, "http://other"),
    one_in(None, None, "milligram", "mg"),
)
ranges = st.builds(
    lambda low, high: without_nothing({"low": low, "high": high}),
    st.one_of(st.none(), st.just({"value": 1, "system": UCUM, "code": "mg"})),
    st.just({"value": Decimal(60), "system": UCUM, "code": "mg"}),
)
sampled = st.just(
    {"origin": {"value": 0, "system": UCUM, "code": "mg"}, "period": 1, "dimensions": 1, "data": "1 60"}
)
values = st.one_of(
    st.just({}),
    st.builds(lambda value: {"valueQuantity": value}, quantities),
    st.builds(lambda value: {"valueQuantity": value}, quantities),
    st.builds(lambda value: {"valueCodeableConcept": value}, concepts),
    st.builds(lambda value: {"valueSampledData": value}, sampled),
)
components = st.lists(st.builds(lambda code, value: {"code": code, **value}, concepts, values), max_size=3)
observations = st.builds(
    lambda code, value, parts: without_nothing(
        {"resourceType": "Observation", "status": "final", "code": code, **value, "component": parts or None}
    ),
    concepts,
    st.one_of(
        values,
        values,
        st.just({"valueString": "Éclair"}),
        st.just({"valueDateTime": "2013-03-14"}),
        st.just({"valueCodeableConcept": {"text": "eclair"}}),
    ),
    components,
)
contexts = st.builds(
    lambda code, value: {"code": code, **value},
    codings,
    st.one_of(
        st.builds(lambda value: {"valueQuantity": value}, quantities),
        st.builds(lambda value: {"valueRange": value}, ranges),
        st.builds(lambda value: {"valueCodeableConcept": value}, concepts),
    ),
)
value_sets = st.builds(
    lambda many: without_nothing({"resourceType": "ValueSet", "status": "draft", "useContext": many or None}),
    st.lists(contexts, max_size=3),
)
groups = st.builds(
    lambda many: without_nothing(
        {"resourceType": "Group", "type": "person", "actual": False, "characteristic": many or None}
    ),
    st.lists(
        st.builds(
            lambda code, value: {"code": code, "exclude": False, **value},
            concepts,
            st.one_of(
                st.builds(lambda value: {"valueCodeableConcept": value}, concepts),
                st.builds(lambda value: {"valueBoolean": value}, st.booleans()),
                st.just({"valueQuantity": {"value": 5}}),
            ),
        ),
        max_size=3,
    ),
)
documents = st.builds(
    lambda many: without_nothing(
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "content": [{"attachment": {}}],
            "relatesTo": many or None,
        }
    ),
    st.lists(
        st.builds(
            lambda code, target: {"code": code, "target": {"reference": target}},
            one_in("replaces", "signs"),
            one_in("DocumentReference/1", "DocumentReference/2", "http://own/fhir/DocumentReference/1"),
        ),
        max_size=3,
    ),
)
sequences = st.builds(
    lambda reference, variants: without_nothing(
        {
            "resourceType": "MolecularSequence",
            "coordinateSystem": 0,
            "referenceSeq": reference,
            "variant": variants or None,
        }
    ),
    st.one_of(
        st.none(),
        st.builds(
            lambda code, start, end: without_nothing(
                {"chromosome": code, "windowStart": start, "windowEnd": end}
            ),
            concepts,
            one_in(None, 1, 60),
            one_in(None, 60, 100),
        ),
    ),
    st.lists(
        st.builds(
            lambda start, end: without_nothing({"start": start, "end": end}),
            one_in(None, 1, 60),
            one_in(None, 60, 100),
        ),
        max_size=3,
    ),
)

# --- queries ---------------------------------------------------------------------------------------------------------

tokens = one_in("x", "y", f"{LOINC}|x", "|x", f"{LOINC}|", "http://b|y")
prefixed = st.builds(lambda prefix, number: f"{prefix}{number}", one_in(*PREFIXES), NUMBERS)
amounts = st.one_of(
    st.builds(
        lambda prefix, measure: f"{prefix}{measure[0]}|{UCUM}|{measure[1]}", one_in(*PREFIXES), MEASURES
    ),
    st.builds(
        str.__add__,
        prefixed,
        st.one_of(
            one_in(*UNITS).map(lambda code: f"|{UCUM}|{code}"),
            one_in("", "|http://other|mg", "||mg", "||milligram"),
        ),
    ),
)

positions = st.builds(lambda prefix, number: f"{prefix}{number}", one_in(*PREFIXES), one_in(1, 60, 100))


def joined(*parts):
    return st.tuples(*parts).map("$".join)


def asked(type, names, form):
    comma = st.lists(form, min_size=1, max_size=2).map(",".join)
    return st.one_of(
        *(st.tuples(st.just(type), one_in(*names.split()), comma) for _ in range(4)),
        st.tuples(
            st.just(type), one_in(*(f"{name}:missing" for name in names.split())), one_in("true", "false")
        ),
    )


criteria = st.one_of(
    asked("Observation", "value-quantity component-value-quantity combo-value-quantity", amounts),
    asked(
        "Observation",
        "code-value-quantity component-code-value-quantity combo-code-value-quantity",
        joined(tokens, amounts),
    ),
    asked(
        "Observation",
        "code-value-concept component-code-value-concept combo-code-value-concept",
        joined(tokens, tokens),
    ),
    asked("Observation", "code-value-string", joined(tokens, one_in("ecl", "Éclair", "z"))),
    asked("Observation", "code-value-date", joined(tokens, one_in("2013", "gt2013-03-14", "le2013-03-14"))),
    asked("ValueSet", "context-quantity", amounts),
    asked("ValueSet", "context-type-quantity", joined(tokens, amounts)),
    asked("ValueSet", "context-type-value", joined(tokens, tokens)),
    asked("Group", "characteristic-value", joined(tokens, st.one_of(tokens, one_in("true", "false")))),
    asked(
        "DocumentReference",
        "relationship",
        joined(
            one_in("DocumentReference/1", "1", "http://own/fhir/DocumentReference/2"),
            one_in("replaces", "signs"),
        ),
    ),
    asked(
        "MolecularSequence",
        "chromosome-window-coordinate chromosome-variant-coordinate",
        joined(tokens, positions, positions),
    ),
)

# --- the judge -------------------------------------------------------------------------------------------------------


def base(number: Fraction, code: str) -> Fraction:
    _, size, zero = UNITS[code]
    return number * size + zero


def ends(quantity: dict) -> tuple[Fraction | None, Fraction | None, bool, bool] | None:
    """Low and high end, None where it is open; whether the end itself belongs to it."""
    if quantity.get("value") is None:
        return None
    value, comparator = Fraction(quantity["value"]), quantity.get("comparator", "")
    return {
        "": (value, value, True, True),
        "<": (None, value, True, False),
        "<=": (None, value, True, True),
        ">": (value, None, False, True),
        ">=": (value, None, True, True),
    }[comparator]


def quantity_found(text: str, value: dict) -> bool:
    prefix, rest = (text[:2], text[2:]) if text[:2] in PREFIXES[1:] else ("eq", text)
    number, *unit = rest.split("|")
    bounds, stored_unit = range_of(value)
    if bounds is None:
        return False
    asked_value = Fraction(number)
    half = Fraction(1, 2) * Fraction(10) ** Decimal(number).as_tuple().exponent
    about = max(half, abs(asked_value) / 10) if prefix == "ap" else half
    low_asked, high_asked = asked_value - about, asked_value + about
    low, high, with_low, with_high = bounds
    if unit:
        system, code = unit
        if not system:
            if code not in (stored_unit.get("code"), stored_unit.get("unit")):
                return False
        elif system == UCUM and UNITS.get(code):
            own = stored_unit.get("code")
            if stored_unit.get("system") != UCUM or not UNITS.get(own) or UNITS[own][0] != UNITS[code][0]:
                return False
            asked_value, low_asked, high_asked = (
                base(each, code) for each in (asked_value, low_asked, high_asked)
            )
            low, high = (None if each is None else base(each, own) for each in (low, high))
        elif (system, code) != (stored_unit.get("system"), stored_unit.get("code")):
            return False
    inside = low is not None and high is not None and low_asked <= low and high < high_asked
    above = high is None or high > asked_value
    below = low is None or low < asked_value
    reaches_up, reaches_down = high == asked_value and with_high, low == asked_value and with_low
    return {
        "eq": inside,
        "ne": not inside,
        "gt": above,
        "lt": below,
        "ge": above or reaches_up,
        "le": below or reaches_down,
        "sa": low is not None and (low > asked_value or (low == asked_value and not with_low)),
        "eb": high is not None and (high < asked_value or (high == asked_value and not with_high)),
        "ap": (low is None or low < high_asked or (low == high_asked and with_low))
        and (high is None or high > low_asked or (high == low_asked and with_high)),
    }[prefix]


def range_of(value: dict):
    if "data" in value:
        return (Fraction(1), Fraction(60), True, True), value["origin"]
    if "low" in value or "high" in value:
        low, high = (Fraction(value[end]["value"]) if end in value else None for end in ("low", "high"))
        return (low, high, True, True), value.get("low") or value["high"]
    return ends(value), value


def codes(concept: dict) -> list[tuple[str, str]]:
    return [(one.get("system", ""), one["code"]) for one in concept.get("coding", ())]


def token_found(text: str, coded: list[tuple[str, str]]) -> bool:
    system, bar, code = text.rpartition("|")
    return any((not bar or own == system) and code in ("", one) for own, one in coded)


def places(name: str, resource: dict) -> list[dict]:
    """The elements that the parameter is about."""
    root, parts = [resource], resource.get("component", [])
    if name.startswith("combo"):
        return root + parts
    if name.startswith("component"):
        return parts
    match resource["resourceType"]:
        case "ValueSet":
            return resource.get("useContext", [])
        case "Group":
            return resource.get("characteristic", [])
        case "DocumentReference":
            return resource.get("relatesTo", [])
    if "variant" in name:
        return resource.get("variant", [])
    if "window" in name:
        return [resource["referenceSeq"]] if "referenceSeq" in resource else []
    return root


def half_found(name: str, text: str, element: dict) -> bool:
    match name:
        case "code":
            concept = element["code"]
            return token_found(
                text,
                codes(concept if "coding" in concept else {"coding": [concept] if "code" in concept else []}),
            )
        case "quantity":
            return any(
                quantity_found(text, element[one])
                for one in ("valueQuantity", "valueRange")
                if one in element
            )
        case "concept":
            return token_found(text, codes(element.get("valueCodeableConcept", {})))
        case "concept or boolean":
            boolean = [("", str(element["valueBoolean"]).lower())] if "valueBoolean" in element else []
            return token_found(text, boolean + codes(element.get("valueCodeableConcept", {})))
        case "string":
            return element.get("valueString") == "Éclair" and text in ("ecl", "Éclair")
        case "date":
            return "valueDateTime" in element and text in ("2013", "le2013-03-14")
        case "target":
            own = element["target"]["reference"].removeprefix("http://own/fhir/")
            return own.rpartition("/")[2] == text.rpartition("/")[2]
        case "relation":
            return element["code"] == text
        case "chromosome":
            return token_found(text, codes(element.get("chromosome", {})))
    return name in element and quantity_found(text, {"value": element[name]})


HALVES = {
    "code-value-quantity": ("code", "quantity"),
    "context-type-quantity": ("code", "quantity"),
    "code-value-concept": ("code", "concept"),
    "context-type-value": ("code", "concept"),
    "code-value-string": ("code", "string"),
    "code-value-date": ("code", "date"),
    "characteristic-value": ("code", "concept or boolean"),
    "relationship": ("target", "relation"),
    "chromosome-window-coordinate": ("chromosome", "windowStart", "windowEnd"),
    "chromosome-variant-coordinate": ("chromosome", "start", "end"),
}
PLACES = {
    "code": "code", "quantity": "valueQuantity valueRange", "concept": "valueCodeableConcept",
    "concept or boolean": "valueCodeableConcept valueBoolean", "string": "valueString", "date": "valueDateTime",
    "target": "target", "relation": "code",
}  # fmt: skip


def found(name: str, text: str, resource: dict) -> bool:
    code, _, missing = name.partition(":")
    elements = places(code, resource)
    halves = HALVES.get(code.removeprefix("component-").removeprefix("combo-"))
    if code == "chromosome-variant-coordinate":
        elements = [{**resource.get("referenceSeq", {}), **one} for one in elements]
    if missing:
        wanted = (
            [PLACES.get(half, half).split() for half in halves]
            if halves
            else [["valueQuantity", "valueRange", "valueSampledData"]]
        )
        present = any(all(any(place in one for place in half) for half in wanted) for one in elements)
        return present is (text == "false")
    for one in text.split(","):
        if halves:
            given_halves = list(zip(halves, one.split("$"), strict=True))
            if any(
                all(half_found(half, part, element) for half, part in given_halves) for element in elements
            ):
                return True
        else:
            kinds = ("valueQuantity", "valueRange", "valueSampledData")
            if any(
                quantity_found(one, element[kind])
                for element in elements
                for kind in kinds
                if kind in element
            ):
                return True
    return False


# --- the proof -------------------------------------------------------------------------------------------------------


async def by_database(url: str, trees: list[dict], asked_: list[tuple[str, object]]) -> list[set[str]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "TRUNCATE resource, resource_date, resource_number, resource_string, change_log, unit, code_set, code_set_coding"
        )
    database = Database(url, size=2)
    await database.open()
    try:
        await database.create_all(
            [
                Draft(
                    one["resourceType"],
                    one["id"],
                    one,
                    index(one["resourceType"], one, base_url=READING.base_url),
                    "PUT",
                )
                for one in trees
            ]
        )
        answers = []
        async with database.connection() as connection:
            for type, wanted in asked_:
                where = predicate(wanted)
                cursor = await connection.execute(
                    f"SELECT r.id FROM resource r WHERE r.type = %s AND {where.sql}",
                    (RESOURCE_TYPES[type], *where.params),
                )
                answers.append({row[0] for row in await cursor.fetchall()})
        return answers
    finally:
        await database.close()


@settings(
    max_examples=16,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # a smaller example is not worth minutes
)
@given(
    resources=st.lists(
        st.one_of(observations, observations, value_sets, groups, documents, sequences),
        min_size=40,
        max_size=60,
    ),
    queries=st.lists(criteria, min_size=100, max_size=100),
)
def test_quantities_and_composites_find_what_the_specification_says(database_url, resources, queries):
    trees = [parse(dumps({**resource, "id": f"r{number}"})) for number, resource in enumerate(resources)]
    wanted = []
    for type, name, text in queries:
        code, _, modifier = name.partition(":")
        criterion = Criterion(code, modifier, tuple(text.split(",")))
        wanted.append((type, condition(served(type)[code], criterion, READING)))

    by_sql = asyncio.run(by_database(database_url, trees, wanted))

    for query, (_, one), ids in zip(queries, wanted, by_sql, strict=True):
        type, name, text = query
        in_memory = {
            tree["id"]
            for tree in trees
            if tree["resourceType"] == type and meets(one, tree, READING.base_url)
        }
        told = {
            f"r{number}"
            for number, resource in enumerate(resources)
            if resource["resourceType"] == type and found(name, text, resource)
        }
        assert (in_memory, ids) == (told, told), (query, hashed(one))
