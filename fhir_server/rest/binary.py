"""Binary, of all types the one that also comes and goes as the bare content it stands for.

https://hl7.org/fhir/R4/binary.html#rest
"""

import re
from dataclasses import replace
from typing import Final

from fhir_server.errors import InvalidJson, InvalidRequest
from fhir_server.interactions.write import prepare, prepare_tree
from fhir_server.json import JsonObject, parse
from fhir_server.rest.call import Call, Target
from fhir_server.rest.negotiation import is_resource_type, names_fhir
from fhir_server.rest.request import Request
from fhir_server.store.blobs.aside import INLINE
from fhir_server.store.blobs.pointer import BINARY, pointing, with_content
from fhir_server.store.drafts import Draft
from fhir_server.store.rows import Method

SECURITY_CONTEXT: Final = b"x-security-context"

_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")


def wants_content(request: Request) -> bool:
    """Whether a read asks for the content of a Binary: it neither names a format of FHIR's nor how to shape a resource."""
    match request.segments:
        case ("Binary", _) | ("Binary", _, "_history", _) if request.method in ("GET", "HEAD"):
            accept = request.header(b"accept")
            return not request.pairs and (accept is None or not names_fhir(accept))
    return False


def is_content(request: Request, target: Target) -> bool:
    """Whether the body of a write announces anything but JSON, and so is the content of a Binary."""
    content_type = request.header(b"content-type")
    return target.type == BINARY and content_type is not None and not is_resource_type(content_type)


async def written_draft(call: Call, *, id: str | None = None, method: Method) -> Draft:
    """The draft of what a create or update brings, large content set aside; raises as `prepare` does."""
    if call.target.type != BINARY or _is_resource(call):
        draft = prepare(call.target.type, call.body, id=id, method=method, base_url=call.request.base)
        return (await call.house.database.set_aside([draft]))[0]
    tree = _described(call, id)
    blobs = call.house.database.blobs
    if blobs is None or len(call.body) <= INLINE:
        whole = with_content(tree, call.body) if call.body else tree
        return prepare_tree(BINARY, whole, id=id, method=method, base_url=call.request.base)
    draft = prepare_tree(BINARY, tree, id=id, method=method, base_url=call.request.base)
    kept = await call.house.database.keep(blobs, call.body)
    return replace(draft, tree=pointing(draft.tree, kept))


def _is_resource(call: Call) -> bool:
    """Whether the body is a Binary resource; any other JSON is the content of one."""
    if is_content(call.request, call.target):
        return False
    try:
        return parse(call.body).get("resourceType") == BINARY
    except InvalidJson:
        return False


def _described(call: Call, id: str | None) -> JsonObject:
    """The Binary of a content, without it, as the request's headers tell."""
    tree: JsonObject = {"resourceType": BINARY, "contentType": call.request.header(b"content-type")}
    if id is not None:
        tree["id"] = id
    context = call.request.header(SECURITY_CONTEXT)
    if context is not None:
        tree["securityContext"] = {"reference": _reference(call, context)}
    return tree


def _reference(call: Call, header: str) -> str:
    reference = header.strip().removeprefix(f"{call.request.base}/")
    if not _REFERENCE.fullmatch(reference):
        raise InvalidRequest(
            f"X-Security-Context is {header[:80]!r}. Send a resource of this server, as in `Patient/1`.",
            "X-Security-Context",
        )
    return reference
