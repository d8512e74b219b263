"""Referential integrity, an option: what is written refers to what is there, and nothing refers to what is deleted.

https://hl7.org/fhir/R4/http.html#delete
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import Conflict, Forbidden, Issue, Unprocessable
from fhir_server.json import JsonObject, stored
from fhir_server.search.access import Access
from fhir_server.search.params import reference
from fhir_server.search.params.catalog import served
from fhir_server.store.database import Database
from fhir_server.store.predicate import NOTHING, Predicate
from fhir_server.store.rows import Key, Version
from fhir_server.store.targets import referring, standing
from fhir_server.store.unit_of_work import UnitOfWork
from fhir_server.validation.reference_elements import references

MOST_ISSUES: Final = 50
_DELETED_AT_ONCE: Final = 50  # each is looked for under every reference parameter that may name its type
_REFERRERS: Final = 20


class Dangling(Unprocessable):
    """References that lead to nothing, with the resource that each issue's one is in."""

    def __init__(self, issues: tuple[Issue, ...], resources: tuple[Key, ...]) -> None:
        super().__init__(issues[0].diagnostics, issues=issues)
        self.resources = resources


class InUse(Conflict):
    """Something refers to `resource`, which was to be deleted."""

    def __init__(self, diagnostics: str, resource: Key) -> None:
        super().__init__(diagnostics)
        self.resource = resource


@dataclass(frozen=True, slots=True)
class HeldToIntegrity:
    """Transactions that are committed only when no reference in what they wrote leads to nothing.

    What is there counts as far as `access` shows it; `base_url` is the server's own address. `refuse_blindness` raises
    when the search index does not show all that refers to what is deleted.
    """

    database: Database
    access: Access
    base_url: str
    refuse_blindness: Callable[[], None]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """One transaction, checked before it is committed.

        Raises Dangling that names each element whose target is not there or not the caller's to see, InUse when
        something refers to what was deleted. A target cannot be deleted before the transaction has ended.
        """
        async with self.database.transaction() as work:
            yield work
            last = {(one.type, one.id): one for one in work.written}
            await self._check_targets(work, list(last.values()))
            await self._check_referrers(work, [key for key, one in last.items() if one.deleted])

    async def _check_targets(self, work: UnitOfWork, versions: Sequence[Version]) -> None:
        wanted = [
            (one, target)
            for one in versions
            if one.body is not None
            for target in _targets(one.type, stored(one.body), self.base_url)
        ]
        if not wanted:
            return
        keys = {target.key for _, target in wanted}
        shown = {type: self._readable(type) for type in {type for type, _ in keys}}
        there = await standing(work.connection, sorted(keys), shown)
        missing = list(islice(((o, t) for o, t in wanted if not t.is_in(there)), MOST_ISSUES))
        if missing:
            raise Dangling(
                tuple(_missing(one, target) for one, target in missing),
                tuple((one.type, one.id) for one, _ in missing),
            )

    async def _check_referrers(self, work: UnitOfWork, deleted: Sequence[Key]) -> None:
        if deleted:
            self.refuse_blindness()
        for start in range(0, len(deleted), _DELETED_AT_ONCE):
            keys = set(deleted[start : start + _DELETED_AT_ONCE])
            tokens = {token for key in keys for token in _tokens(key)}
            patients = sorted(id for type, id in keys if type == "Patient")
            for one in await referring(work.connection, tokens, patients, _REFERRERS):
                named = {target.key for target in _targets(one.type, stored(one.body), self.base_url)}
                if named & keys:
                    raise await self._in_use(work, (one.type, one.id), min(named & keys))

    async def _in_use(self, work: UnitOfWork, referrer: Key, deleted: Key) -> InUse:
        """The refusal, which tells the type of what refers to a caller who may see it."""
        shown = await standing(work.connection, [referrer], {referrer[0]: self._readable(referrer[0])})
        what = f"resource of the type {referrer[0]}" if shown else "resource"
        return InUse(
            f"A {what} refers to {deleted[0]}/{deleted[1]}. Delete or change what refers to it first.",
            deleted,
        )

    def _readable(self, type: str) -> Predicate:
        try:
            return self.access(type, "read")
        except Forbidden:
            return NOTHING


@dataclass(frozen=True, slots=True)
class _Target:
    """What a reference names: type and id, and the version where it names one."""

    key: Key
    version: str
    expression: str

    def is_in(self, there: dict[Key, int]) -> bool:
        current = there.get(self.key)
        if current is None or not self.version:
            return current is not None
        return self.version.isdecimal() and 0 < int(self.version[:12]) <= current


def _targets(resource_type: str, tree: JsonObject, base_url: str) -> Iterator[_Target]:
    """What the local references in `tree` name."""
    for found in references(resource_type, tree):
        texts = reference.keys(found.reference, base_url)
        type, slash, id = texts[-1].partition("/")
        if slash and type in RESOURCE_TYPES and "/" not in id:
            yield _Target((type, id), texts[0].partition("/_history/")[2], found.expression)


def _missing(one: Version, target: _Target) -> Issue:
    type, id = target.key
    version = f"/_history/{target.version}" if target.version else ""
    return Issue(
        "business-rule",
        f"{target.expression} of {one.type}/{one.id} refers to {type}/{id}{version}, which is not here. "
        "Create that first, or correct the reference.",
        target.expression,
    )


def _tokens(key: Key) -> Iterable[int]:
    """The tokens that a resource has which refers to `key` under any search parameter."""
    return (reference.token(prefix, f"{key[0]}/{key[1]}") for prefix in _prefixes(key[0]))


@cache
def _prefixes(target: str) -> tuple[str, ...]:
    """The search parameters, of all types, that may refer to a resource of the type `target`."""
    return tuple(
        sorted(
            {
                parameter.prefix
                for type in RESOURCE_TYPES
                for parameter in served(type).values()
                if parameter.kind == "reference" and target in parameter.targets
            }
        )
    )
