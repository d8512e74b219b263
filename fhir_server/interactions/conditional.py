"""Create, update, patch and delete what a search finds.

https://hl7.org/fhir/R4/http.html#ccreate

What matches is looked for among what the caller may search (`Query.access`); what is written needs its own permission.

Equal conditions wait for each other: each holds a lock on the hash of its query until it has committed, so that the
next one finds what it made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from hashlib import blake2b
from urllib.parse import parse_qsl

from fhir_server.errors import InvalidResource, NotFound, PreconditionFailed
from fhir_server.interactions.condition import Condition
from fhir_server.interactions.delete import end
from fhir_server.interactions.json_patch import JsonPatch
from fhir_server.interactions.patch import patched
from fhir_server.interactions.update import replace
from fhir_server.interactions.written import Written
from fhir_server.search.access import Access
from fhir_server.search.match import MatchedKey, asked, matches
from fhir_server.store import resources
from fhir_server.store.drafts import Draft
from fhir_server.store.locks import Locked
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Version
from fhir_server.store.unit_of_work import Transactions, UnitOfWork


@dataclass(frozen=True, slots=True)
class Query:
    """A condition as a query string, what it may look at (its chains too), and the server's own address, which references may carry."""

    text: str
    access: Access
    base_url: str


async def create(database: Transactions, draft: Draft, query: Query) -> Written:
    """The one match as it is, else version 1 of `draft`; raises PreconditionFailed when several match."""
    async with database.transaction() as work:
        match_ = await _only_match(work, draft.type, query)
        if match_ is None:
            return Written(await work.create(draft), "created")
        visible = query.access(draft.type, "search")
        found = await resources.read(work.connection, draft.type, match_.id, visible)
    if found is None:
        raise PreconditionFailed("The resource that matched was deleted meanwhile. Send the request again.")
    return Written(found, "found")


async def update(
    database: Transactions,
    draft: Draft,
    given_id: str | None,
    query: Query,
    access: Predicate,
    condition: Condition,
) -> Written:
    """The next version of the one match, else a first version under `given_id` or the server's own id.

    Raises PreconditionFailed when several match or a resource that does not match has the given id,
    InvalidResource when the one match has another id than the given one.
    """
    async with database.transaction() as work:
        match_ = await _only_match(work, draft.type, query)
        if match_ is None:
            return await _as_create(work, draft, given_id, access, condition)
        refuse_other_id(draft.type, given_id, match_.id)
        return await replace(work, changed(draft, id=match_.id), access, condition)


async def patch(
    database: Transactions, type: str, patch: JsonPatch, query: Query, access: Predicate, condition: Condition
) -> Written:
    """The next version of the one match; raises NotFound when nothing matches, PreconditionFailed when several do."""
    async with database.transaction() as work:
        match_ = await _only_match(work, type, query)
        if match_ is None:
            raise nothing_to_patch(type)
        return await patched(work, type, match_.id, patch, access, condition, base_url=query.base_url)


async def delete(
    database: Transactions, type: str, query: Query, access: Predicate, condition: Condition
) -> Version | None:
    """The deletion of the one match; None when nothing matches. Raises PreconditionFailed when several match."""
    async with database.transaction() as work:
        match_ = await _only_match(work, type, query)
        return None if match_ is None else await end(work, type, match_.id, access, condition)


def only(type: str, found: Sequence[MatchedKey]) -> MatchedKey | None:
    """The one match, or None; raises PreconditionFailed when several match."""
    if len(found) > 1:
        raise PreconditionFailed(f"The condition matches several {type} resources. Make it name one.")
    return found[0] if found else None


def refuse_other_id(type: str, given_id: str | None, matched_id: str) -> None:
    """Nothing; InvalidResource when the body gives an id that the match does not have."""
    if given_id not in (None, matched_id):
        raise InvalidResource(
            f"{type}.id is {given_id!r} and the match has another. Leave the id out, or PUT to that id.",
            f"{type}.id",
        )


def refuse_taken_id(type: str, id: str, current: Locked | None) -> None:
    """Nothing; PreconditionFailed when what did not match has the id that the body gives."""
    if current is not None:
        raise PreconditionFailed(
            f"The condition matches nothing, and {type}/{id} exists. Leave the id out, or PUT to it."
        )


def nothing_to_patch(type: str) -> NotFound:
    """What to say when a conditional patch matches nothing."""
    return NotFound(f"No {type} meets the condition. A patch changes what is there; PUT makes it.")


def key(type: str, query: Query) -> int:
    """The lock that equal conditions on a type share."""
    parameters = sorted(parse_qsl(query.text, keep_blank_values=True))
    digest = blake2b(repr((type, parameters)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def _only_match(work: UnitOfWork, type: str, query: Query) -> MatchedKey | None:
    await work.lock_queries({key(type, query)})
    (found,) = await matches(work.connection, [asked(type, query.text, query.access, query.base_url)])
    return only(type, found)


async def _as_create(
    work: UnitOfWork, draft: Draft, given_id: str | None, access: Predicate, condition: Condition
) -> Written:
    if given_id is not None:
        condition.check_making(None)
        refuse_taken_id(draft.type, given_id, await work.lock(draft.type, given_id, access))
    condition.check(None)
    return Written(await work.create(draft), "created")
