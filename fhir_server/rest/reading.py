"""Read and vread over HTTP, with their conditions and shapes.

https://hl7.org/fhir/R4/http.html#cread
"""

from dataclasses import replace

from fhir_server.errors import NotFound
from fhir_server.interactions.read import read as current
from fhir_server.interactions.vread import vread as numbered
from fhir_server.rest.answer import Answer
from fhir_server.rest.binary import wants_content
from fhir_server.rest.call import Call
from fhir_server.rest.content import content_answer
from fhir_server.rest.content import headers as content_headers
from fhir_server.rest.etags import known_versions, since
from fhir_server.rest.own_definitions import own_definition
from fhir_server.rest.resource_answer import about, version_headers
from fhir_server.rest.shape import shaped
from fhir_server.store.blobs.pointer import BINARY
from fhir_server.store.blobs.whole import filled, opened
from fhir_server.store.rows import Version


async def read(call: Call) -> Answer:
    """The current version, or 304 when the client has it."""
    target, database, base_url = call.target, call.house.database, call.request.base
    try:
        found = await current(database, target.type, target.id, call.access, base_url=base_url)
        return await _answer(call, found)
    except NotFound:
        own = own_definition(call)
        if own is None:
            raise
        return own


async def vread(call: Call) -> Answer:
    """The version numbered in the path, or 304 when the client has it."""
    target = call.target
    if not target.version.isascii() or not target.version.isdigit():
        raise NotFound(
            f"{target.type}/{target.id} has no version {target.version[:40]!r}. Versions are numbers."
        )
    number = int(target.version[:12])
    database, base_url = call.house.database, call.request.base
    found = await numbered(database, target.type, target.id, number, call.access, base_url=base_url)
    return await _answer(call, found)


async def _answer(call: Call, version: Version) -> Answer:
    bare = version.type == BINARY and wants_content(call.request)
    headers = content_headers(version) if bare else version_headers(version)
    if _client_has(call, version, bare=bare):
        return Answer(304, b"", headers, about=about(version))
    if bare:
        return replace(await content_answer(call, version), about=about(version))
    if version.type != BINARY:
        text = shaped(call.request, version.type, version.body or b"")
        return Answer(200, text, headers, about=about(version))
    text, hole = opened(version.body or b"")
    text = shaped(call.request, version.type, text)
    if hole is None or hole.mark not in text:
        return Answer(200, text, headers, about=about(version))
    return Answer(
        200,
        headers=headers,
        about=about(version),
        stream=await filled(call.house.database.blobs, text, hole),
        length=hole.digest.size,
    )


def _client_has(call: Call, version: Version, *, bare: bool) -> bool:
    """Whether the client said it has this version; If-None-Match wins over If-Modified-Since.

    Of a Binary the strong tags are those of its content, the weak ones those of the resource: to have one is not to have
    the other. https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
    """
    none_match = call.request.header(b"if-none-match")
    if none_match is not None:
        known = known_versions(none_match, strong=bare if version.type == BINARY else None)
        return known == "*" or version.version in known
    modified_since = call.request.header(b"if-modified-since")
    moment = since(modified_since) if modified_since is not None else None
    return moment is not None and version.last_updated.replace(microsecond=0) <= moment
