"""A reading that corrects an earlier one, as the version that takes its place.

https://hl7.org/fhir/R4/observation-definitions.html#Observation.status
"""

from mappers.mapped import Resource


def amended(resource: Resource) -> Resource:
    """`resource` as a correction of what is stored under its id: the same, with status `amended`."""
    return {**resource, "status": "amended"}
