"""The writes of a Bundle, tried once: made ready while nothing is locked, then written in one transaction.

https://hl7.org/fhir/R4/http.html#trules
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from fhir_server.errors import Conflict, InvalidRequest, Issue, PreconditionFailed, RequestError
from fhir_server.interactions.bundle.change import Change, Outcome, placed_issues
from fhir_server.interactions.bundle.drafting import Drafts, draft_all
from fhir_server.interactions.bundle.failures import Failures
from fhir_server.interactions.bundle.identities import Identities, identities, locks, places
from fhir_server.interactions.bundle.inquiry import Inquiry, Question, question
from fhir_server.interactions.bundle.links import conditional
from fhir_server.interactions.bundle.targets import Targets
from fhir_server.interactions.bundle.within import Within
from fhir_server.interactions.bundle.writing import write
from fhir_server.interactions.conditional import Query
from fhir_server.interactions.integrity import Dangling, InUse
from fhir_server.interactions.permitted import Outside
from fhir_server.search.access import Access
from fhir_server.search.execute import Connection
from fhir_server.store.database import Database
from fhir_server.store.unit_of_work import Transactions, UnitOfWork
from fhir_server.subscriptions.registrar import NotRunnable, NotToBeTold

Then = Callable[[UnitOfWork], Awaitable[None]]

_PLACED: Final = (Dangling, InUse, Outside, NotRunnable, NotToBeTold)
"""What is known only of all that was written, and names the resources that it is about."""


class Attempt:
    """One try. `access` is what the caller may search; `together` says whether all entries fail with one."""

    def __init__(self, changes: Sequence[Change], access: Access, base_url: str, *, together: bool) -> None:
        self._changes = changes
        self._access = access
        self._base_url = base_url
        self._together = together
        self._failures = Failures(together=together)
        self._inquiry = Inquiry()
        self._found = Identities()
        self._drafts = Drafts()
        self._targets = Targets({})

    async def prepare(self, database: Database) -> None:
        """Finds out what every change is about, links and validates it; raises the failure of all, where they fail together."""
        if any(change.query is not None for change in self._changes):
            async with database.connection() as connection:
                await self._identify(connection)
        else:
            await self._identify(None)
        self._targets = self._where_all_will_be()
        await self._draft(self._changes)
        if self._together:
            await self._refuse_what_the_bundle_makes()
            self._failures.settle()
            await self._refer(database)
        drafts = await database.set_aside(list(self._drafts.drafts.values()))
        self._drafts.drafts = dict(zip(self._drafts.drafts, drafts, strict=True))
        await database.number(drafts)

    async def write(self, transactions: Transactions, then: Then) -> dict[int, Outcome]:
        """What came of each change by entry number, after the commit; `then` is done before it, in the same transaction.

        Raises Conflict when a condition finds something else by now, or another writer got in the way.
        """
        try:
            async with transactions.transaction() as work:
                outcomes = await self._written(work)
                await then(work)
        except _PLACED as error:
            raise self._of_entries(error) from error
        return {**outcomes, **self._failures.errors}

    async def _written(self, work: UnitOfWork) -> dict[int, Outcome]:
        held = locks(self._found)
        if held:
            await work.lock_queries(held)
        if not await self._inquiry.still_holds(work.connection):
            raise Conflict("What the conditions of the Bundle name changed meanwhile. Send it again.")
        standing = [change for change in self._changes if change not in self._failures]
        outcomes = await write(work, standing, self._found, self._drafts, self._targets, self._failures)
        self._failures.settle()
        return outcomes

    def _of_entries(self, error: Dangling | InUse | Outside | NotRunnable | NotToBeTold) -> RequestError:
        """What integrity, access or the registrar of Subscriptions says of resources, said of their entries."""
        entries = {self._found.key(change): change for change in self._changes}
        keys = (error.resource,) if isinstance(error, InUse) else error.resources
        told = list[Issue]()
        for issue, key in zip(error.issues, keys, strict=True):
            change = entries.get(key)
            told += (
                [issue]
                if change is None
                else placed_issues([issue], change.number, change.label, change.type)
            )
        error.issues = tuple(told)
        return error

    async def _identify(self, connection: Connection | None) -> None:
        self._found = await identities(connection, self._inquiry, self._changes, self._failures)
        self._failures.settle()

    def _where_all_will_be(self) -> Targets:
        """What is made now has version 1; in a batch only that must not be referred to."""
        made = [one for one in self._changes if one.method == "POST" and not self._found.keeps(one)]
        versions = {f"{one.type}/{self._found.ids[one.number]}": 1 for one in made}
        if self._together:
            return Targets(places(self._found, self._changes), versions)
        return Targets(places(self._found, made), versions, alone=True)

    async def _draft(self, changes: Iterable[Change]) -> None:
        await draft_all(self._drafts, changes, self._found, self._targets, self._failures)

    async def _refuse_what_the_bundle_makes(self) -> None:
        """A condition must not name what another entry makes: the outcome would depend on the order."""
        asking = [one for one in self._changes if one.number in self._found.questions and self._acts(one)]
        if not asking:
            return
        plans = {one.number: self._found.questions[one.number].plan for one in asking}
        made = [
            (one.number, self._drafts.drafts[one.number])
            for one in self._changes
            if one.method == "POST" and one.number in self._drafts.drafts and not self._found.keeps(one)
        ]
        within = Within(made, plans.values())
        for change in asking:
            meeting = await within.meeting(change.type, plans[change.number])
            others = [number for number in meeting if number != change.number]
            if others:
                self._failures.add(change, _made_by(others[0]))

    def _acts(self, change: Change) -> bool:
        """Whether it changes what its condition names, after the creates."""
        return change.method != "DELETE" and not self._found.keeps(change)

    async def _refer(self, database: Database) -> None:
        """Resolves conditional references, and drafts anew the resources that have some.

        What the Bundle deletes or replaces is not looked for as it is now; what it makes of it is.
        """
        asked = sorted(self._drafts.asked())
        if not asked:
            return
        questions, referred = dict[str, Question](), dict[str, str | RequestError]()
        for text in asked:
            try:
                questions[text] = self._question(text)
            except RequestError as error:
                referred[text] = error
        async with database.connection() as connection:
            changed = self._found.written(self._changes, "DELETE", "PUT", "PATCH")
            answers = await self._inquiry.ask(connection, list(questions.values()), changed)
        within = Within(self._drafts.drafts.items(), [one.plan for one in questions.values()])
        for (text, one), answer in zip(questions.items(), answers, strict=True):
            ids = {each.id for each in answer}
            ids |= {self._found.ids[number] for number in await within.meeting(one.type, one.plan)}
            referred[text] = f"{one.type}/{ids.pop()}" if len(ids) == 1 else _not_one(text, len(ids))
        self._targets = replace(self._targets, referred=referred)
        again = self._drafts.having(asked=True)
        await self._draft(change for change in self._changes if change.number in again)
        self._failures.settle()

    def _question(self, text: str) -> Question:
        named = conditional(text)
        assert named is not None, "only those are asked"
        return question(named[0], Query(named[1], self._access, self._base_url))


def _made_by(number: int) -> InvalidRequest:
    return InvalidRequest(
        f"Entry {number} makes a resource that meets the condition. Refer to that entry, or leave one of them out."
    )


def _not_one(text: str, count: int) -> PreconditionFailed:
    what = "several resources" if count else "no resource"
    return PreconditionFailed(f"The reference {text[:100]} finds {what}. Make it find exactly one.")
