"""Binary, of all types the one that also comes and goes as the bare content it stands for.

https://hl7.org/fhir/R4/binary.html#rest
"""

import re
from dataclasses import replace
from typing import Final

from fhir_server.errors import InvalidJson, InvalidRequest, UnsupportedMediaType
from fhir_server.interactions.write import prepare, prepare_tree
from fhir_server.json import JsonObject, parse
from fhir_server.rest.body import body
from fhir_server.rest.call import Call, Target
from fhir_server.rest.negotiation import is_resource_type, names_fhir
from fhir_server.rest.request import Request
from fhir_server.rest.spool import OnDisk, spooled
from fhir_server.store.blobs.aside import INLINE, check_in_row
from fhir_server.store.blobs.pointer import BINARY, pointing, with_content
from fhir_server.store.drafts import Draft
from fhir_server.store.rows import Method

SECURITY_CONTEXT: Final = b"x-security-context"

# atomic groups: a long row of comments must not be tried in every way
_XML_BINARY = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>(?:(?>\s+|<\?[^>]*>|<!--.*?-->))*)<Binary\s[^>]*http://hl7\.org/fhir[\"']",
    re.DOTALL,
)
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
    if is_content(call.request, call.target):
        return await _received(call, id, method)
    if call.target.type == BINARY and not _is_resource(call):
        return await _content_draft(call, call.body, id, method)
    draft = prepare(call.target.type, call.body, id=id, method=method, base_url=call.request.base)
    return (await call.house.database.set_aside([draft]))[0]


async def _received(call: Call, id: str | None, method: Method) -> Draft:
    """The draft of a content that is still to come, in a file where it is long and can be set aside."""
    limit = call.house.settings.max_binary_bytes
    if call.house.database.blobs is None:
        content_length = call.request.header(b"content-length") or ""
        check_in_row(int(content_length[:18]) if content_length.isdecimal() else 0)
        return await _content_draft(call, await body(call.request, call.receive, limit), id, method)
    async with spooled(call.request, call.receive, limit, call.house.incoming) as content:
        return await _content_draft(call, content, id, method)


async def _content_draft(call: Call, content: bytes | OnDisk, id: str | None, method: Method) -> Draft:
    tree, blobs = _described(call, id), call.house.database.blobs
    _refuse_xml(call, content if isinstance(content, bytes) else content.head)
    if isinstance(content, bytes) and (blobs is None or len(content) <= INLINE):
        check_in_row(len(content))
        whole = with_content(tree, content) if content else tree
        return prepare_tree(BINARY, whole, id=id, method=method, base_url=call.request.base)
    assert blobs is not None, "without a blob store every content is held"
    draft = prepare_tree(BINARY, tree, id=id, method=method, base_url=call.request.base)
    found, known = (content, None) if isinstance(content, bytes) else (content.path, content.digest)
    return replace(draft, tree=pointing(draft.tree, await call.house.database.keep(blobs, found, known)))


def _refuse_xml(call: Call, content: bytes) -> None:
    """Nothing; UnsupportedMediaType for a Binary resource in XML, which must not be kept as if it were a content."""
    said = call.request.header(b"content-type") or ""
    if "xml" in said and _XML_BINARY.match(content):
        raise UnsupportedMediaType(
            f"The body is a Binary resource in XML, and Content-Type {said[:80]!r} is not served. Send it as JSON, or "
            "the content that it stands for."
        )


def _is_resource(call: Call) -> bool:
    """Whether JSON is a Binary resource; any other is the content of one."""
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
