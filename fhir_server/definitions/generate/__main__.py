"""The command that writes `definitions/data` anew.

https://hl7.org/fhir/R4/downloads.html
"""

import argparse
from pathlib import Path

from fhir_server.definitions.generate import (
    compartments,
    invariants,
    search_parameters,
    structures,
    value_sets,
)
from fhir_server.definitions.generate.output import write
from fhir_server.definitions.generate.package import Package

DATA = Path(__file__).parent.parent / "data"


def main() -> None:
    """Every file of `definitions/data`, written from the package named on the command line."""
    parser = argparse.ArgumentParser(description="Write fhir_server/definitions/data from the R4 package.")
    parser.add_argument("package", type=Path, help="the unpacked hl7.fhir.r4.examples 4.0.1")
    package = Package(parser.parse_args().package)

    types = structures.types(package)
    for definition in structures.own(package):
        invariants.add_invariants(types, definition)
    write(DATA / "resource-types.json", structures.resource_type_numbers(types))
    write(DATA / "primitives.json", structures.primitives(package))
    write(DATA / "structure.json", types)
    write(DATA / "required-codes.json", value_sets.required(package, structures.required_value_sets(types)))
    write(DATA / "search-parameters.json", search_parameters.search_parameters(package, types))
    write(DATA / "compartments.json", compartments.compartments(package))


if __name__ == "__main__":
    main()
