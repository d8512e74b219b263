"""A reading that takes the place of an earlier one of the same identity, as the version that does.

https://hl7.org/fhir/R4/valueset-observation-status.html
"""

from typing import Final

from mappers.mapped import Resource

PRELIMINARY: Final = "preliminary"
"""The status of what was sent before the time that it tells of was over."""


def amended(resource: Resource) -> Resource:
    """`resource` as a correction of what is stored under its id: the same, with status `amended`."""
    return {**resource, "status": "amended"}


def is_preliminary(resource: Resource) -> bool:
    """Whether `resource` was sent before the time that it tells of was over, so that a later one replaces it."""
    return resource.get("status") == PRELIMINARY
