"""Which search parameters place a resource in which compartment.

https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from fhir_server.definitions.generate.package import Definition, Package


def compartments(package: Package) -> dict[str, Definition]:
    """For each of the five compartments, the parameters of each member type; `{def}` marks the focus itself."""
    return {
        definition["code"]: {
            resource["code"]: resource["param"]
            for resource in definition["resource"]
            if resource.get("param")
        }
        for definition in package.definitions("CompartmentDefinition")
        if definition["id"] != "example"
    }
