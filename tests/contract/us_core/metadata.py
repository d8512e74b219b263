"""What US Core 6.1 asks of a server's searches, and how the committed extract of it is made.

https://hl7.org/fhir/us/core/STU6.1/CapabilityStatement-us-core-server.html

    python -m tests.contract.us_core.metadata path/to/metadata.yml      writes tests/data/us-core-searches.json
"""

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

EXTRACT = Path(__file__).parents[2] / "data" / "us-core-searches.json"
EXPECTED = ("SHALL", "SHOULD")


@dataclass(frozen=True, slots=True)
class Search:
    """Parameters that are asked together of a type."""

    resource: str
    names: tuple[str, ...]
    expectation: str

    @property
    def item(self) -> str:
        """The search as one word, such as `us-observation-patient-category`."""
        return "-".join(("us", self.resource.lower(), *self.names))


@dataclass(frozen=True, slots=True)
class Parameter:
    """Where a parameter's values stand, of which FHIR type they are, and in which ways a server must take them."""

    resource: str
    name: str
    datatype: str
    paths: tuple[str, ...]
    comparators: tuple[str, ...]
    multiple_or: bool
    chained: tuple[str, ...]


def searches() -> list[Search]:
    """Every search that a server shall or should take."""
    return [
        Search(one["resource"], tuple(one["names"]), one["expectation"]) for one in _extract()["searches"]
    ]


def parameters() -> list[Parameter]:
    """Every parameter of those searches."""
    return [
        Parameter(
            one["resource"],
            one["name"],
            one["datatype"],
            tuple(one["paths"]),
            tuple(one["comparators"]),
            one["multiple_or"],
            tuple(one["chained"]),
        )
        for one in _extract()["parameters"]
    ]


def includes() -> list[tuple[str, str]]:
    """Each type with a value of `_include` that it must take."""
    return [(type, value) for type, value in _extract()["includes"]]


def revincludes() -> list[tuple[str, str]]:
    """Each type with a value of `_revinclude` that it must take."""
    return [(type, value) for type, value in _extract()["revincludes"]]


@cache
def _extract():
    return json.loads(EXTRACT.read_text())


def _compact(metadata):
    groups = metadata[":groups"]
    found = {"searches": [], "parameters": [], "includes": [], "revincludes": []}
    for group in groups:
        type = group[":resource"]
        for search in group[":searches"]:
            found["searches"].append(
                {"resource": type, "names": search[":names"], "expectation": search[":expectation"]}
            )
        for name, definition in group[":search_definitions"].items():
            found["parameters"].append(_definition(type, name.lstrip(":"), definition))
        found["includes"] += [[type, value] for value in group[":include_params"]]
        found["revincludes"] += [[type, value] for value in group[":revincludes"]]
    return {kind: _distinct(rows) for kind, rows in found.items()}


def _definition(type, name, definition):
    comparators = definition[":comparators"].items()
    return {
        "resource": type,
        "name": name,
        "datatype": definition[":type"].rpartition("/")[2],
        "paths": definition[":paths"],
        "comparators": [name.lstrip(":") for name, expectation in comparators if expectation in EXPECTED],
        "multiple_or": definition[":multiple_or"] in EXPECTED,
        "chained": [chain[":chain"] for chain in definition.get(":chain", [])],
    }


def _distinct(rows):
    return [json.loads(row) for row in sorted({json.dumps(row) for row in rows})]


def _write(metadata):
    head = {
        "source": "lib/us_core_test_kit/generated/v6.1.0/metadata.yml of inferno-framework/us-core-test-kit",
        "licence": "Apache-2.0",
        "made-by": "python -m tests.contract.us_core.metadata",
    }
    lines = [f'  "{name}": {json.dumps(value)}' for name, value in head.items()]
    for kind, rows in _compact(metadata).items():
        listed = ",\n".join(f"    {json.dumps(row)}" for row in rows)
        lines.append(f'  "{kind}": [\n{listed}\n  ]')
    EXTRACT.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    _write(yaml.safe_load(Path(sys.argv[1]).read_text()))
