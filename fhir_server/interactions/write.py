"""From a client's bytes to a draft that may be stored: parse, validate, index.

https://hl7.org/fhir/R4/http.html#create
"""

from fhir_server import clock
from fhir_server.errors import InvalidResource
from fhir_server.ids import uuid7
from fhir_server.json import JsonObject, dumps, parse
from fhir_server.search.index import index
from fhir_server.store.blobs.pointer import BINARY, refuse
from fhir_server.store.drafts import Draft
from fhir_server.store.rows import Method
from fhir_server.subscriptions import asked
from fhir_server.validation.structure import check


def prepare(type: str, text: bytes, *, id: str | None = None, method: Method, base_url: str = "") -> Draft:
    """The draft of the resource in `text`; the server makes its id when `id` is None, whatever the body says.

    References under `base_url`, the server's own address, are found like relative ones.
    Raises InvalidJson, InvalidResource with every issue found, or Unprocessable for a Subscription that cannot be run.
    """
    return _checked(type, parse(text), text, id, method, base_url)


def prepare_tree(
    type: str, tree: JsonObject, *, id: str | None = None, method: Method, base_url: str = ""
) -> Draft:
    """As `prepare`, of a resource that came as a part of something else."""
    return _checked(type, tree, dumps(tree), id, method, base_url)


def draft(
    type: str,
    tree: JsonObject,
    *,
    id: str,
    method: Method,
    fingerprint: int | None = None,
    base_url: str = "",
) -> Draft:
    """The draft of a valid resource, with the values it is found by; of a Subscription, with what it asks for apart."""
    apart = None
    if type == asked.TYPE:
        tree, apart = asked.taken_apart(tree, base_url=base_url, now=clock.now())
    return Draft(type, id, tree, index(type, tree, base_url=base_url), method, fingerprint, base_url, apart)


def _checked(
    type: str, tree: JsonObject, text: bytes, id: str | None, method: Method, base_url: str
) -> Draft:
    found = tree.get("resourceType")
    if found != type:
        raise InvalidResource(
            f"resourceType is {found!r}, the address says {type}. Send a {type}, or to another address.",
            f"{type}.resourceType",
        )
    if type == BINARY:
        refuse(tree)
    check(type, text)
    return draft(type, tree, id=id or uuid7(), method=method, base_url=base_url)
