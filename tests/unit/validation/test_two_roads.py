import copy
import random
from typing import Any

import jiter
import orjson

from fhir_server.validation.faults import faults
from fhir_server.validation.schema import accepts
from tests.data.r4_examples import lines

VALUES = (
    None, "", "x", "a b", 0, -1, 5.0, 2.5, 2**40, True, {}, [], [None], {"id": "a"}, {"text": "x"}, "2024-02-30",
    "#x", {"reference": "#a"}, "Patient/1", {"start": "2024-02", "end": "2023"}, "http://example.org/a",
)  # fmt: skip
NAMES = (
    "id",
    "extension",
    "valueString",
    "_status",
    "contained",
    "type",
    "reference",
    "period",
    "div",
    "_div",
)


def paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [here for key, value in items for here in [(*path, key), *paths(value, (*path, key))]]


def disturb(tree: dict[str, Any], choose: random.Random) -> None:
    """One value of `tree` replaced, or one property added."""
    *above, key = choose.choice(paths(tree))
    place: Any = tree
    for step in above:
        place = place[step]
    if isinstance(place, dict) and choose.random() < 0.3:
        key = choose.choice(NAMES)
    place[key] = copy.deepcopy(choose.choice(VALUES))


def test_whatever_is_disturbed_the_schema_never_accepts_what_the_walk_faults():
    choose = random.Random(11)
    pool = [line for line in lines() if len(line) < 6_000]
    accepted, contradictions = 0, []
    for _ in range(3_000):
        tree = orjson.loads(choose.choice(pool))
        resource_type = tree["resourceType"]
        disturb(tree, choose)
        text = orjson.dumps(tree)
        if accepts(resource_type, orjson.loads(text)):
            accepted += 1
            found = list(faults(resource_type, jiter.from_json(text, float_mode="decimal")))
            contradictions += [(text, issue) for issue in found]
        else:
            list(faults(resource_type, jiter.from_json(text, float_mode="decimal")))

    assert accepted > 50
    assert contradictions == []


def test_a_narrative_that_has_only_an_extension_is_faulted_rather_than_failing():
    div = {"extension": [{"url": "http://example.org/e", "valueCode": "unknown"}]}
    resource = {"resourceType": "Patient", "text": {"status": "empty", "_div": div}}

    assert [issue.expression for issue in faults("Patient", resource)] == ["Patient.text.div"]
