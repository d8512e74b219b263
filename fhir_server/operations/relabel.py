"""`$meta-add` and `$meta-delete`: profiles, tags and security labels changed on a version as it stands.

https://hl7.org/fhir/R4/resource-operation-meta-add.html

No new version comes of it and `meta.lastUpdated` stays, but searches by these labels see it at once. A label is the same
by its system and code, a profile by its URL.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

from fhir_server.errors import Forbidden, Gone, InvalidRequest, NotFound
from fhir_server.interactions.versions_shown import Sight
from fhir_server.json import JsonObject, JsonValue, stored
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.meta import KINDS, meta_of, number, told
from fhir_server.operations.operation import Operation, Parameter, Serve
from fhir_server.operations.result import Result
from fhir_server.search.index import index
from fhir_server.store import labels
from fhir_server.store.locks import Locked
from fhir_server.store.unit_of_work import UnitOfWork

_Change: TypeAlias = Callable[[Sequence[JsonValue], Sequence[JsonValue]], list[JsonValue]]


def _serving(change: _Change) -> Serve:
    async def serve(call: Invocation) -> Result:
        """The Meta after the change. Raises NotFound or Gone for what is not there, Forbidden for what is not the caller's."""
        given = call.arguments.tree("meta") or {}
        _check(given)
        async with call.database.transaction() as work:
            tree = await _changed(work, call, given, change)
        return told(meta_of(tree))

    return serve


async def _changed(work: UnitOfWork, call: Invocation, given: JsonObject, change: _Change) -> JsonObject:
    current = await work.lock(call.type, call.id, call.access)
    if current is None or not current.visible:
        raise NotFound(f"{call.type}/{call.id} does not exist here. Search for it, or check the id.")
    call.condition.check(current)
    if call.level == "version" and number(call) != current.version:
        return await _earlier(work, call, current, given, change)
    if current.body is None:
        raise Gone(f"{call.type}/{call.id} was deleted and has no content.", version=current.version)
    tree = _relabelled(stored(current.body), given, change)
    row = index(call.type, tree, base_url=call.base_url)
    await work.interned.learn(work.connection, [row])
    if not await labels.replace_current(work.connection, current.rid, tree, row.tokens, call.access):
        raise Forbidden("With these labels the resource would not be yours to change.")
    return tree


async def _earlier(
    work: UnitOfWork, call: Invocation, current: Locked, given: JsonObject, change: _Change
) -> JsonObject:
    sight = Sight(call.access, call.base_url)
    version = await sight.numbered(work.connection, call.type, call.id, number(call))
    if version is None:
        raise NotFound(f"{call.type}/{call.id} has no version {number(call)} here.")
    if version.body is None:
        raise Gone(
            f"Version {version.version} of {call.type}/{call.id} is its deletion.", version=version.version
        )
    tree = _relabelled(stored(version.body), given, change)
    await labels.replace_earlier(work.connection, current.rid, version.version, tree)
    return tree


def _relabelled(tree: JsonObject, given: JsonObject, change: _Change) -> JsonObject:
    meta = dict(meta_of(tree))
    for kind in KINDS:
        named = cast("list[JsonValue]", given.get(kind, []))
        if named:
            found = change(cast("list[JsonValue]", meta.get(kind, [])), named)
            meta = {name: value for name, value in meta.items() if name != kind} | (
                {kind: found} if found else {}
            )
    return tree | {"meta": cast("JsonValue", meta)}


def _added(there: Sequence[JsonValue], named: Sequence[JsonValue]) -> list[JsonValue]:
    found, known = list(there), {_identity(one) for one in there}
    for one in named:
        if _identity(one) not in known:
            found.append(one)
            known.add(_identity(one))
    return found


def _removed(there: Sequence[JsonValue], named: Sequence[JsonValue]) -> list[JsonValue]:
    gone = {_identity(one) for one in named}
    return [one for one in there if _identity(one) not in gone]


def _identity(label: JsonValue) -> tuple[JsonValue, ...]:
    """What makes a label the same one: a profile's URL, or the system and code."""
    return (label.get("system"), label.get("code")) if isinstance(label, dict) else (label,)


def _check(given: JsonObject) -> None:
    if not any(given.get(kind) for kind in KINDS):
        raise InvalidRequest(f"The meta has none of {', '.join(KINDS)}. Give one of them.", "meta")
    for kind in ("tag", "security"):
        for one in cast("list[JsonObject]", given.get(kind, [])):
            if _identity(one) == (None, None):
                raise InvalidRequest(f"A {kind} has neither system nor code. Give it one.", "meta")


def _operation(code: str, title: str, description: str, change: _Change) -> Operation:
    return Operation(
        id=f"Resource-{code}",
        code=code,
        title=title,
        description=f"{description} The version stays the same, and so does its lastUpdated; If-Match is honoured.",
        levels={"instance": "update", "version": "update"},
        types=(),
        takes=(
            Parameter(
                "meta", "Meta", 1, "1", "The profiles, tags and security labels; all else is passed over."
            ),
        ),
        gives=(Parameter("return", "Meta", 1, "1", "The Meta after it."),),
        affects_state=True,
        serve=_serving(change),
        base=f"http://hl7.org/fhir/OperationDefinition/Resource-{code}",
    )


META_ADD: Final = _operation(
    "meta-add", "Add profiles, tags and security labels", "Adds those that are not there yet.", _added
)
META_DELETE: Final = _operation(
    "meta-delete",
    "Take profiles, tags and security labels away",
    "Takes away those that are there.",
    _removed,
)
