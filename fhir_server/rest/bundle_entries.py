"""The entries of a batch or transaction, each read as the request it stands for.

https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request
"""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from typing import Final

from fhir_server.errors import InvalidRequest, InvalidResource, RequestError
from fhir_server.interactions.bundle.change import Change, placed
from fhir_server.interactions.conditional import Query
from fhir_server.interactions.json_patch import JsonPatch, parsed
from fhir_server.interactions.update import demand_id
from fhir_server.json import JsonObject, JsonValue, dumps
from fhir_server.rest.call import Call
from fhir_server.rest.demands import condition, criteria, if_none_exist, query
from fhir_server.rest.endpoint import check_parameters, reachable
from fhir_server.rest.negotiation import FHIR_JSON, PATCH
from fhir_server.rest.request import part
from fhir_server.store.rows import Method
from fhir_server.validation.structure import check

_HEADERS: Final = {
    "ifNoneMatch": b"if-none-match",
    "ifModifiedSince": b"if-modified-since",
    "ifMatch": b"if-match",
    "ifNoneExist": b"if-none-exist",
}
_RESOURCES: Final = {b"accept": FHIR_JSON.encode()}  # nothing else can stand in a Bundle
_ROUTED_BY: Final = ("method", "url", *_HEADERS)
_WRITES: Final[dict[str, Method]] = {
    "create": "POST",
    "update": "PUT",
    "conditional-update": "PUT",
    "patch": "PATCH",
    "conditional-patch": "PATCH",
    "delete": "DELETE",
    "conditional-delete": "DELETE",
}
_ENTRY: Final = re.compile(r"Bundle\.entry\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the request it stands for, and the write it asks for, if it is one; or the error that it is."""

    number: int
    label: str
    call: Call | None = None
    change: Change | None = None
    error: RequestError | None = None


def entries(call: Call, tree: JsonObject) -> list[Entry]:
    """Every entry of the Bundle `tree`, in order; raises InvalidResource when the Bundle itself is not what R4 defines."""
    found = tree.get("entry", [])
    items = found if isinstance(found, list) else []
    faults, routed = _faults(tree, items), _Routed(call)
    return [_entry(routed, number, item, faults.get(number)) for number, item in enumerate(items)]


def _faults(tree: JsonObject, items: list[JsonValue]) -> dict[int, InvalidResource]:
    """What is wrong with entries, apart from their resources, which are judged when they are linked."""
    bare = [
        {name: value for name, value in item.items() if name != "resource"}
        if isinstance(item, dict)
        else item
        for item in items
    ]
    skeleton: JsonObject = {**tree, "entry": bare} if items else tree
    try:
        check("Bundle", dumps(skeleton))
    except InvalidResource as error:
        faults = dict[int, InvalidResource]()
        for issue in error.issues:
            place = _ENTRY.match(issue.expression or "")
            if place is None:
                raise
            known = faults.get(int(place[1]))
            issues = (*known.issues, issue) if known else (issue,)
            faults[int(place[1])] = InvalidResource(issues[0].diagnostics, issues=issues)
        return faults
    return {}


class _Routed:
    """The requests of entries, routed with the access that the caller has to them; equal ones are routed once."""

    def __init__(self, outer: Call) -> None:
        self._outer = outer
        self._known: dict[tuple[JsonValue, ...], Call] = {}

    def call(self, asked: JsonObject) -> Call:
        """The call that `request` asks for. Raises what the same request by itself would be refused with."""
        key = tuple(str(asked.get(name)) for name in _ROUTED_BY)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._route(asked)
        return known

    def _route(self, asked: JsonObject) -> Call:
        outer, method, url = self._outer, str(asked["method"]), str(asked["url"])
        headers = _RESOURCES | {
            _HEADERS[name]: str(value).encode() for name, value in asked.items() if name in _HEADERS
        }
        request = part(method, url, headers, outer.request.base)
        target = outer.house.routes.target(request)
        interaction = target.interaction
        if interaction.takes in ("form", "bundle") or interaction.gives == "event-stream":
            raise InvalidRequest(
                f"{method} {url[:80]} has no place in a Bundle. Use GET for a search, and no Bundle or stream in a Bundle."
            )
        call = replace(
            outer, request=request, target=target, access=reachable(outer.principal, target), body=b""
        )
        check_parameters(call)
        return call


def _entry(routed: _Routed, number: int, item: JsonValue, fault: InvalidResource | None) -> Entry:
    asked = item.get("request") if isinstance(item, dict) else None
    label = f"{asked.get('method')} {asked.get('url')}" if isinstance(asked, dict) else "no request"
    try:
        if fault is not None:
            raise fault
        if not isinstance(item, dict) or not isinstance(asked, dict):
            raise InvalidResource(
                "The entry has no request. Say method and url.", f"Bundle.entry[{number}].request"
            )
        return _read(routed.call(asked), number, label, item)
    except RequestError as error:
        return Entry(number, label, error=placed(error, number, label, _type_of(item)))


def _read(call: Call, number: int, label: str, item: JsonObject) -> Entry:
    """The entry understood: a write that is to be done with others, or any other request."""
    method = _WRITES.get(call.target.interaction.name)
    resource = _resource(number, item, call)
    if method is None:
        body = b"" if resource is None else dumps(resource)
        return Entry(number, label, replace(call, body=body))
    return Entry(number, label, call, _change(number, call, method, item, resource))


def _type_of(item: JsonValue) -> str:
    """The type of the resource that the entry brings, as far as it says."""
    resource = item.get("resource") if isinstance(item, dict) else None
    type = resource.get("resourceType") if isinstance(resource, dict) else None
    return type if isinstance(type, str) else ""


def _resource(number: int, item: JsonObject, call: Call) -> JsonObject | None:
    resource = item.get("resource")
    takes = call.target.interaction.takes
    where = f"Bundle.entry[{number}].resource"
    if takes == "nothing":
        if resource is not None:
            raise InvalidRequest(f"A {call.request.method} brings no resource. Leave it out.", where)
        return None
    if resource is None and takes == "parameters":
        return None
    if not isinstance(resource, dict):
        raise InvalidRequest(
            f"The entry has no resource, and a {call.request.method} brings one. Add it.", where
        )
    return resource


def _change(number: int, call: Call, method: Method, item: JsonObject, resource: JsonObject | None) -> Change:
    target, full_url = call.target, item.get("fullUrl")
    id = target.id or None
    patch = None
    if method == "PUT" and id is not None and resource is not None:
        demand_id(target.type, id, resource.get("id"))
    if method == "PATCH" and resource is not None:
        patch, resource = _patch(resource, f"Bundle.entry[{number}].resource"), None
    return Change(
        number=number,
        method=method,
        type=target.type,
        access=call.access,
        base_url=call.request.base,
        id=id,
        query=_query(call, method),
        condition=condition(call),
        resource=resource,
        patch=patch,
        full_url=full_url if isinstance(full_url, str) else "",
    )


def _query(call: Call, method: Method) -> Query | None:
    """The search that finds what is written: in the address, or for a POST in ifNoneExist."""
    if method == "POST":
        header = call.request.header(b"if-none-exist")
        return None if header is None else query(call, if_none_exist(header, call.target.type))
    return None if call.target.id else query(call, criteria(call))


def _patch(binary: JsonObject, where: str) -> JsonPatch:
    """The JSON Patch in a Binary.

    https://hl7.org/fhir/R4/http.html#patch
    """
    if binary.get("resourceType") != "Binary" or binary.get("contentType") != PATCH:
        raise InvalidRequest(
            f"The resource of a PATCH is a Binary with the contentType {PATCH}. Send that.", where
        )
    try:
        text = base64.b64decode(str(binary.get("data", "")), validate=True)
    except binascii.Error as error:
        raise InvalidRequest("The data of the Binary is not base64. Correct it.", f"{where}.data") from error
    return parsed(text)
