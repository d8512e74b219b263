"""The resources of one reading as a transaction for any FHIR server.

https://hl7.org/fhir/R4/http.html#transaction
"""

from urllib.parse import quote

from mappers.mapped import Mapped, Resource


def transaction(mapped: Mapped) -> Resource:
    """A transaction Bundle that creates each resource of `mapped` unless one with its identifier exists.

    The receiving server gives its own ids; references between the resources are by `urn:uuid`. Sending it twice
    stores it once.
    """
    references = {
        f"{each['resourceType']}/{each['id']}": f"urn:uuid:{each['id']}" for each in mapped.resources
    }
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_entry(each, references) for each in mapped.resources],
    }


def _entry(resource: Resource, references: dict[str, str]) -> Resource:
    body = {key: _relinked(value, references) for key, value in resource.items() if key != "id"}
    request = {"method": "POST", "url": resource["resourceType"], "ifNoneExist": _condition(resource)}
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": body, "request": request}


def _condition(resource: Resource) -> str:
    match resource["identifier"]:
        case [{"system": str(system), "value": str(value)}, *_]:
            return f"identifier={quote(system, safe='')}%7C{quote(value, safe='')}"
        case _:
            raise ValueError(f"{resource['resourceType']} has no identifier to be told apart by. Add one.")


def _relinked(node: object, references: dict[str, str]) -> object:
    if isinstance(node, dict):
        return {key: _relinked(value, references) for key, value in node.items()}
    if isinstance(node, list):
        return [_relinked(item, references) for item in node]
    return references.get(node, node) if isinstance(node, str) else node
