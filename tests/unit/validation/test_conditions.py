import random
from collections.abc import Iterator

import jsonschema_rs
import pytest

from fhir_server.definitions.structure import Invariant, StructureType, primitives, structure
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.validation.conditions import as_schema, holds


def types() -> Iterator[StructureType]:
    """Every type that can be reached from a resource type."""
    wanted, seen = list(RESOURCE_TYPES), set()
    while wanted:
        name = wanted.pop()
        if name not in seen and name not in primitives():
            seen.add(name)
            yield structure(name)
            wanted += [type for element in structure(name).elements for type in element.types]


INVARIANTS = [(type, invariant) for type in types() for invariant in type.invariants]


def literals(condition: object) -> Iterator[object]:
    """The values that a condition compares with."""
    match condition:
        case ["equals", _, values]:
            yield from values
        case ["coding", _, _, codes]:
            yield from codes
        case ["least", _, number]:
            yield from (number, number - 1)
        case [_, *parts]:
            for part in parts:
                yield from literals(part)


def coding_systems(condition: object) -> Iterator[str]:
    match condition:
        case ["coding", _, system, _]:
            yield system
        case [_, *parts]:
            for part in parts:
                yield from coding_systems(part)


def random_object(type: StructureType, invariant: Invariant, choose: random.Random, depth: int = 0) -> dict:
    """An object of that type with some of the elements that the invariant speaks of."""
    made = {}
    text = str(invariant.rule)
    for element in type.elements:
        if (f"{element.name}'" in text.replace(".", "'") or depth) and choose.random() < 0.5:
            name, type_name = choose.choice(list(element.json_names().items()))
            value = random_value(type_name, invariant, choose, depth)
            made[name] = [value] * choose.randint(1, 4) if element.many else value
    return made


def random_value(type_name: str, invariant: Invariant, choose: random.Random, depth: int) -> object:
    if type_name == "CodeableConcept":
        systems = [*coding_systems(invariant.rule), "http://example.org"]

        code = choose.choice([*literals(invariant.rule), "other"])
        return {"coding": [{"system": choose.choice(systems), "code": code}]}
    if type_name in primitives():
        return choose.choice([*literals(invariant.rule), "other", True, 7])
    if depth < 2:
        return random_object(structure(type_name), invariant, choose, depth + 1) or {"id": "x"}
    return {"id": "x"}


@pytest.mark.parametrize(
    ("type", "invariant"), INVARIANTS, ids=[f"{type.name} {invariant.key}" for type, invariant in INVARIANTS]
)
def test_an_invariant_is_judged_alike_on_both_roads(type: StructureType, invariant: Invariant):
    choose = random.Random(invariant.key)
    schema = jsonschema_rs.Draft202012Validator(as_schema(invariant.rule, type))
    verdicts = set()
    for _ in range(100):
        node = random_object(type, invariant, choose)
        verdict = holds(invariant.rule, node, type)
        verdicts.add(verdict)

        assert schema.is_valid(node) is verdict, node

    assert verdicts == {True, False}


def test_the_invariants_of_every_data_type_are_there():
    keys = {invariant.key for _, invariant in INVARIANTS}

    assert len(INVARIANTS) > 130
    assert {
        "obs-6",
        "obs-3",
        "qty-3",
        "att-1",
        "rat-1",
        "cpt-2",
        "drt-1",
        "tim-1",
        "pat-1",
        "con-4",
        "exp-1",
    } <= keys
