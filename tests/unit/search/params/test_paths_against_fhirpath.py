"""R4's expressions over R4's examples: the compiled paths select what a FHIRPath engine of others selects."""

import json
import re
from collections.abc import Iterator
from functools import cache

import fhirpathpy
from fhirpathpy.models import models

from fhir_server.definitions.search_parameters import for_type
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params.catalog import served, unserved
from fhir_server.search.params.paths import nodes, paths
from tests.data.r4_examples import lines


def standard(resource_type: str, expression: str) -> str:
    """FHIRPath as it became: R4's `as` of collections is `ofType` now. What would have to be resolved is left out."""
    text = re.sub(r"\(([\w.]+) as (\w+)\)", r"\1.ofType(\2)", expression)
    text = text.replace(".as(", ".ofType(").replace("ofType(DateTime)", "ofType(dateTime)")
    text = re.sub(r"hasExtension\('([^']*)'\)", r"extension('\1').exists()", text)
    text = re.sub(r"\.where\(resolve\(\) is \w+\)", "", text)
    text = re.sub(r"(\.extension\('[^']*'\))$", r"\1.value", text)
    return re.sub(r"\b(Domain)?Resource\.", f"{resource_type}.", text)


@cache
def engine(expression: str):
    return fhirpathpy.compile(expression, models["r4"])


def plain(value: object) -> object:
    """Values as both sides tell them: the engine has classes of its own for numbers and times."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text) else text


def distinct(found: object) -> set[str]:
    return {json.dumps(plain(value), sort_keys=True) for value in found}


def cases() -> Iterator[tuple[dict, str, str]]:
    for line in lines():
        tree = json.loads(line)
        for code, parameter in served(tree["resourceType"]).items():
            if parameter.kind != "composite" and parameter.paths:
                yield tree, code, for_type(tree["resourceType"])[code].expression


def test_the_compiled_paths_select_what_a_fhirpath_engine_selects():
    seen, differing = 0, set()
    for tree, code, expression in cases():
        ours = [node for path in paths(expression) for node in nodes(path, tree)]
        theirs = engine(standard(tree["resourceType"], expression))(tree)
        seen += bool(ours)
        if distinct(ours) != distinct(theirs):
            differing.add((tree["resourceType"], tree.get("id"), code))
    assert differing == set()
    assert seen > 4_000


def test_no_expression_of_r4_is_beyond_the_compiled_subset_but_those_that_name_an_entry_by_its_number():
    beyond = {
        f"{type}.{code}"
        for type in RESOURCE_TYPES
        for code in unserved(type)
        if for_type(type)[code].expression and for_type(type)[code].type != "special"
    }

    assert beyond == {"Bundle.composition", "Bundle.message"}
