"""R4's own examples, of all types: what the index holds is what the elements say."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from fhir_server.json import JsonObject, parse
from fhir_server.search.index import index
from fhir_server.search.params import reference, token
from fhir_server.search.params.catalog import served
from fhir_server.search.params.paths import nodes

EXAMPLES = Path(__file__).parents[2] / "data" / "r4-examples.ndjson.gz"


def examples() -> Iterator[JsonObject]:
    with gzip.open(EXAMPLES) as lines:
        yield from map(parse, lines)


def expected(type: str, tree: JsonObject) -> Iterator[tuple[str, int]]:
    """The tokens that the type's token and reference parameters should give, by the paths one after another."""
    for parameter in served(type).values():
        if parameter.union or parameter.coded or parameter.column in {"id", "patient"}:
            continue
        stored = token.stored_tokens if parameter.systems is None else token.stored_plain
        for path in parameter.paths:
            for node in nodes(path, tree):
                if parameter.kind == "token":
                    for entry in token.READ[path.datatype](node):
                        yield from ((parameter.code, one) for one in stored(parameter.prefix, *entry))
                elif parameter.kind == "reference" and (
                    not path.only or reference.refers_to(node, path.only)
                ):
                    for key in reference.keys(reference.text_of(node) or "#"):
                        yield parameter.code, reference.token(parameter.prefix, key)


def test_the_one_walk_finds_for_every_type_what_each_path_finds_alone():
    seen = 0
    for tree in examples():
        type = str(tree["resourceType"])
        row = index(type, tree)
        missing = [(type, tree["id"], code) for code, one in expected(type, tree) if one not in row.tokens]
        assert missing == []
        seen += len(row.tokens)
    assert seen > 5_000
