"""A reading that corrects an earlier one: the amended version and the record of who amended it.

https://hl7.org/fhir/R4/provenance.html
"""

from mappers.mapped import Resource


def amended(resource: Resource) -> Resource:
    """`resource` as a correction of what is stored under its id: the same, with status `amended`."""
    return {**resource, "status": "amended"}


def provenance(
    provenance_id: str,
    target: str,
    replaced_version: str,
    device_id: str,
    recorded: str,
) -> Resource:
    """The Provenance of an amendment of `target` (`Observation/x`), whose version `replaced_version` was replaced.

    `recorded` is a FHIR instant; the agent is the device, which said that it corrects.
    """
    return {
        "resourceType": "Provenance",
        "id": provenance_id,
        "target": [{"reference": target}],
        "recorded": recorded,
        "activity": {"text": "Corrected by the device"},
        "agent": [{"who": {"reference": f"Device/{device_id}"}}],
        "entity": [
            {"role": "revision", "what": {"reference": f"{target}/_history/{replaced_version}"}},
        ],
    }
