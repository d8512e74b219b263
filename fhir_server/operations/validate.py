"""`$validate`: whether a resource would be taken, without storing it.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Iterator
from typing import Final

from fhir_server.errors import (
    Forbidden,
    InvalidRequest,
    InvalidResource,
    Issue,
    PreconditionFailed,
    Unprocessable,
)
from fhir_server.interactions.condition import UNCONDITIONAL
from fhir_server.interactions.read import read
from fhir_server.interactions.update import demand_id
from fhir_server.interactions.write import prepare
from fhir_server.json import JsonObject, dumps, stored
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result, resource
from fhir_server.outcomes import operation_outcome
from fhir_server.store.blobs.pointer import without

_MODES: Final = ("create", "update", "delete", "profile")
_OF_INSTANCES: Final = ("update", "delete", "profile")
_STRUCTURES: Final = "http://hl7.org/fhir/StructureDefinition/"
_VERSION: Final = "4.0.1"


async def serve(call: Invocation) -> Result:
    """An OperationOutcome with every issue found, or one that says there is none.

    Raises InvalidRequest for a mode or a combination that R4 does not have, Forbidden for a mode whose write is not granted.
    """
    mode = call.arguments.text("mode")
    _check_mode(call, mode)
    if mode in ("create", "update", "delete"):
        call.granted(call.type, mode)
    if mode == "delete":
        return _told([])
    tree = await _existing(call) if mode == "profile" else call.arguments.tree("resource")
    if tree is None:
        raise InvalidRequest("The parameter resource is missing. Send the resource to validate.", "resource")
    issues = [*_content(call, tree), *_profiles(call, tree)]
    if mode == "update":
        issues += _same_id(call, tree)
        issues += await _replaceable(call)
    return _told(issues)


def _check_mode(call: Invocation, mode: str | None) -> None:
    if mode is not None and mode not in _MODES:
        raise InvalidRequest(f"The mode is {mode[:80]!r}. Send {', '.join(_MODES)}, or none.", "mode")
    if mode in _OF_INSTANCES and call.level != "instance":
        raise InvalidRequest(
            f"The mode {mode} is about one resource. Call it at [type]/[id]/$validate.", "mode"
        )
    if mode == "create" and call.level == "instance":
        raise InvalidRequest("The mode create is about a new resource. Call it at [type]/$validate.", "mode")
    if mode == "profile" and call.arguments.text("profile") is None:
        raise InvalidRequest("The mode profile needs the parameter profile. Name one.", "profile")


async def _existing(call: Invocation) -> JsonObject:
    """The resource that the address names; R4 has it validated as it is stored."""
    if call.arguments.tree("resource") is not None:
        raise InvalidRequest(
            "The mode profile is about the stored resource. Leave the resource out.", "resource"
        )
    found = await read(call.database, call.type, call.id, call.granted(call.type, "read"))
    return without(stored(found.body or b""))


def _content(call: Invocation, tree: JsonObject) -> tuple[Issue, ...]:
    """What a write of the resource would be refused for."""
    try:
        prepare(call.type, dumps(tree), method="PUT", base_url=call.base_url)
    except (InvalidResource, Unprocessable) as error:
        return error.issues
    return ()


def _same_id(call: Invocation, tree: JsonObject) -> tuple[Issue, ...]:
    try:
        demand_id(call.type, call.id, tree.get("id"))
    except InvalidRequest as error:
        return error.issues
    return ()


async def _replaceable(call: Invocation) -> tuple[Issue, ...]:
    """Whether If-Match names the current version; a resource that the caller may not see counts as none."""
    if call.condition == UNCONDITIONAL:
        return ()
    async with call.database.transaction() as work:
        current = await work.lock(call.type, call.id, call.granted(call.type, "update"))
    try:
        call.condition.check(current if current is not None and current.visible else None)
    except (PreconditionFailed, Forbidden) as error:
        return error.issues
    return ()


def _profiles(call: Invocation, tree: JsonObject) -> Iterator[Issue]:
    """What is not known to hold: R4's own definition of the type is checked, other profiles are not."""
    own = _STRUCTURES + call.type
    checked = (own, f"{own}|{_VERSION}")
    asked = call.arguments.text("profile")
    if asked is not None and asked not in checked:
        yield Issue(
            "not-supported",
            f"The profile {asked[:200]} is not known here, so the resource was not validated against it.",
            "profile",
        )
    meta = tree.get("meta")
    claimed = meta.get("profile") if isinstance(meta, dict) else None
    for url in claimed if isinstance(claimed, list) else ():
        if isinstance(url, str) and url not in (asked, *checked):
            text = f"The resource claims {url[:200]}, which is not known here and was not checked."
            yield Issue("not-supported", text, f"{call.type}.meta.profile", "warning")


def _told(issues: list[Issue]) -> Result:
    if not any(issue.severity == "error" for issue in issues):
        issues = [Issue("informational", "No error was found.", None, "information"), *issues]
    return resource(operation_outcome(issues))


VALIDATE: Final = Operation(
    id="Resource-validate",
    code="validate",
    title="Validate a resource",
    description="Tells whether a resource is what R4 defines and would be taken in a write, without storing it. "
    "Profiles other than R4's own definition of the type are not checked, and the answer says so.",
    levels={"type": "create", "instance": "update"},
    types=(),
    takes=(
        Parameter(
            "resource", "Resource", 0, "1", "The resource; not needed for the modes delete and profile."
        ),
        Parameter("mode", "code", 0, "1", f"One of {', '.join(_MODES)}; none checks the content alone."),
        Parameter("profile", "uri", 0, "1", "The profile that the resource is to be validated against."),
    ),
    gives=(Parameter("return", "OperationOutcome", 1, "1", "The issues, or that there is none."),),
    affects_state=False,
    serve=serve,
    base="http://hl7.org/fhir/OperationDefinition/Resource-validate",
)
