"""Search parameters, their expressions split by the type they are asked on.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from fhir_server.definitions.generate.expressions import Walk, parts
from fhir_server.definitions.generate.package import Definition, Package
from fhir_server.definitions.generate.structures import TypeEntries

# Published as examples of the resource SearchParameter, not as parameters to be served: two of them would take
# the place of `_id` and of Condition's `subject`.
_EXAMPLES = frozenset({"example", "example-extension", "example-reference"})


def search_parameters(package: Package, entries: TypeEntries) -> dict[str, Definition]:
    """For each type, abstract ones included, its own parameters by code.

    The ten definitions that name no base (extensions of CodeSystem and ValueSet) cannot be asked anywhere and
    are left out, as are the three examples.
    """
    definitions = [item for item in package.definitions("SearchParameter") if item["id"] not in _EXAMPLES]
    by_url = {item["url"]: item for item in definitions}
    walk = Walk(entries)
    by_type: dict[str, Definition] = {}
    for definition in definitions:
        for base in definition.get("base", ()):
            by_type.setdefault(base, {})[definition["code"]] = _parameter(definition, base, walk, by_url)
    return {base: dict(sorted(parameters.items())) for base, parameters in by_type.items()}


def _parameter(definition: Definition, base: str, walk: Walk, by_url: dict[str, Definition]) -> Definition:
    expression = " | ".join(parts(definition.get("expression", ""), base))
    found = walk.yields(expression, base)
    return {
        "type": definition["type"],
        "url": definition["url"],
        "expression": expression,
        "datatypes": [] if definition["type"] == "composite" else found.datatypes,
        "repeats": found.repeats,
        "targets": _targets(definition, found.targets),
        "components": [
            {
                "code": by_url[component["definition"]]["code"],
                "type": by_url[component["definition"]]["type"],
                "expression": component["expression"],
                "datatypes": walk.relative(expression, component["expression"], base).datatypes,
            }
            for component in definition.get("component", ())
        ],
    }


def _targets(definition: Definition, reached: list[str]) -> list[str]:
    stated = definition.get("target", [])
    both = [target for target in stated if target in reached]
    return sorted(both or stated or reached) if definition["type"] == "reference" else []
