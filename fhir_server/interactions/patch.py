"""A resource changed in part, by operations on its JSON.

https://hl7.org/fhir/R4/http.html#patch
"""

from dataclasses import replace
from typing import Final

from fhir_server.errors import Gone, InvalidRequest, NotFound
from fhir_server.interactions.condition import Condition
from fhir_server.interactions.json_patch import JsonPatch, applied
from fhir_server.interactions.narrative import without_stale_narrative
from fhir_server.interactions.write import prepare
from fhir_server.interactions.written import Written
from fhir_server.json import JsonObject, JsonValue, dumps, exact
from fhir_server.store.blobs.pointer import BINARY, pointer, pointing, without
from fhir_server.store.drafts import Draft
from fhir_server.store.locks import Locked
from fhir_server.store.predicate import Predicate
from fhir_server.store.unit_of_work import Transactions, UnitOfWork

_STAMPS: Final = ("versionId", "lastUpdated")


async def patch(
    database: Transactions,
    type: str,
    id: str,
    patch: JsonPatch,
    access: Predicate,
    condition: Condition,
    *,
    base_url: str = "",
) -> Written:
    """The next version, in a transaction of its own; raises as `patched` does."""
    async with database.transaction() as work:
        return await patched(work, type, id, patch, access, condition, base_url=base_url)


async def patched(
    work: UnitOfWork,
    type: str,
    id: str,
    patch: JsonPatch,
    access: Predicate,
    condition: Condition,
    *,
    base_url: str = "",
) -> Written:
    """The next version, as a part of the transaction `work`; one is made even when the patch changes nothing.

    Raises NotFound when nothing is there that the caller may see, Gone when it was deleted, PreconditionFailed when
    `condition` does not hold, Unprocessable for a patch that cannot be applied, and what `prepare` raises for its result.
    """
    current = await work.lock(type, id, access)
    draft, current = drafted(type, id, patch, current, condition, base_url)
    return Written(await work.update(draft, current), "updated")


def drafted(
    type: str, id: str, patch: JsonPatch, current: Locked | None, condition: Condition, base_url: str
) -> tuple[Draft, Locked]:
    """The draft of the version that follows `current`, and that one, which is there; raises as `patched` does."""
    if current is None or not current.visible:
        raise NotFound(f"{type}/{id} does not exist here. A patch changes what is there; PUT makes it.")
    if current.body is None:
        raise Gone(f"{type}/{id} was deleted. PUT brings it back.", version=current.version)
    condition.check(current)
    return _draft(type, id, patch, current.body, base_url), current


def _draft(type: str, id: str, patch: JsonPatch, body: bytes, base_url: str) -> Draft:
    before = exact(body)
    after = _resource(type, before, applied(patch, type, exact(body)))
    if not patch.writes("text"):
        after = without_stale_narrative(type, before, after)
    kept = pointer(before) if type == BINARY else None
    if kept is None or pointer(after) != kept:
        return prepare(type, dumps(after), id=id, method="PATCH", base_url=base_url)
    made = prepare(type, dumps(without(after)), id=id, method="PATCH", base_url=base_url)
    return made if "data" in made.tree else replace(made, tree=pointing(made.tree, kept))


def _resource(type: str, before: JsonObject, after: JsonValue) -> JsonObject:
    """`after`, which is still the same resource. Raises InvalidRequest for one that has another identity."""
    if not isinstance(after, dict):
        raise InvalidRequest("The patch leaves no JSON object. Keep the resource's own object.", type)
    for name in ("resourceType", "id"):
        if after.get(name) != before[name]:
            raise _fixed(f"{type}.{name}")
    stamps, meta = before["meta"], after.get("meta")
    for name in _STAMPS:
        if (
            isinstance(meta, dict)
            and isinstance(stamps, dict)
            and meta.get(name, stamps[name]) != stamps[name]
        ):
            raise _fixed(f"{type}.meta.{name}")
    return after


def _fixed(element: str) -> InvalidRequest:
    return InvalidRequest(f"{element} cannot be patched. Leave it as it is.", element)
