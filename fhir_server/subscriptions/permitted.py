"""What owners of subscriptions may see of what happened: nothing else becomes an event of theirs.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple, Protocol

import psycopg
from psycopg.rows import TupleRow

from fhir_server.errors import Forbidden
from fhir_server.search import access
from fhir_server.search.params.sql import conjunction
from fhir_server.store.images import meeting, meeting_each
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.subscriptions.failures import Failures, refuse_passing
from fhir_server.subscriptions.happened import Happened
from fhir_server.subscriptions.known import Served
from fhir_server.subscriptions.standing import refusal
from smart_auth.principal import Principal

_FEW: Final = 2
_IN_A_ROW: Final = 5_000  # milliseconds in which no request is served


class _Asked(NamedTuple):
    """Whether the predicate, that of the owner, shows what happened."""

    owner: Principal
    happened: Happened
    predicate: Predicate


class Permitted(NamedTuple):
    """Who may be told of what, and whose right to be told of anything has `ended`, with the reason."""

    told: Sequence[tuple[Served, Happened]]
    ended: Mapping[Served, str]


class Standings(Protocol):
    """Tells who the owners of subscriptions are now."""

    async def of(
        self, connection: psycopg.AsyncConnection[TupleRow], owners: Sequence[Principal]
    ) -> list[Principal | None]:
        """For each of `owners`, as they were when they asked, who they are now; None for one who may nothing any more."""
        ...


async def permitted(
    connection: psycopg.AsyncConnection[TupleRow],
    told: Sequence[tuple[Served, Happened]],
    standings: Standings,
    failures: Failures,
) -> Permitted:
    """Those of `told` who may read and search what happened to what, by its content; together for all whose rights are of one form.

    `failures` has those of whom that cannot be said.
    """
    owners = list(dict.fromkeys(served.owner for served, _ in told))
    now = dict(zip(owners, await standings.of(connection, owners), strict=True)) if owners else {}
    rights = dict[tuple[Principal, str], Predicate | None]()
    seen = dict[tuple[Principal, int], bool]()
    ended = dict[Served, str]()
    asked = dict[str, dict[str, list[_Asked]]]()
    for number, (served, happened) in enumerate(told, 1):
        key = served.owner, happened.type
        if key not in rights:
            rights[key] = _seen(now[served.owner], happened.type)
        predicate, pair = rights[key], (served.owner, id(happened))
        if predicate is None and (reason := refusal(now[served.owner], served.asked)) is not None:
            ended[served] = reason
        if pair not in seen:
            seen[pair] = predicate == EVERYTHING
            if predicate is not None and not seen[pair]:
                alike = asked.setdefault(predicate.sql, {}).setdefault(repr(predicate), [])
                alike.append(_Asked(served.owner, happened, predicate))
        if number % _IN_A_ROW == 0:
            await asyncio.sleep(0)
    for equal in asked.values():
        found, failed = await _shown_each(connection, list(equal.values()))
        for one in found:
            seen[one.owner, id(one.happened)] = True
        for one, error in failed:
            for served, happened in told:
                if happened is one.happened and served.owner == one.owner:
                    failures.add(error, happened, served.key)
    shown = [(served, happened) for served, happened in told if seen[served.owner, id(happened)]]
    return Permitted(shown, ended)


async def _shown_each(
    connection: psycopg.AsyncConnection[TupleRow], asked: Sequence[Sequence[_Asked]]
) -> tuple[list[_Asked], list[tuple[_Asked, Exception]]]:
    """As `_shown`, and what fails; where something does, each is asked by itself."""
    try:
        return await _shown(connection, asked), []
    except Exception as error:  # noqa: BLE001 - whatever it is, all others go on
        refuse_passing(error)
        every = list(chain.from_iterable(asked))
        if len(every) == 1:
            return [], [(every[0], error)]
    shown, failed = list[_Asked](), list[tuple[_Asked, Exception]]()
    for one in every:
        alone = await _shown_each(connection, [[one]])
        shown += alone[0]
        failed += alone[1]
    return shown, failed


async def _shown(
    connection: psycopg.AsyncConnection[TupleRow], asked: Sequence[Sequence[_Asked]]
) -> list[_Asked]:
    """What is shown of `asked`, predicates of one form: those of which few want to know much together, the others each by itself."""
    shown, together = list[_Asked](), list[_Asked]()
    for equal in asked:
        if len(equal) <= _FEW:
            together += equal
        else:
            places = await meeting(connection, [one.happened.image for one in equal], equal[0].predicate)
            shown += [equal[place] for place in places]
    images = list({id(one.happened): one.happened for one in together}.values())
    numbers = {id(happened): number for number, happened in enumerate(images)}
    places = await meeting_each(
        connection,
        [happened.image for happened in images],
        [(numbers[id(one.happened)], one.predicate) for one in together],
    )
    return [*shown, *(together[place] for place in places)]


def _seen(owner: Principal | None, type: str) -> Predicate | None:
    """What of the type the owner may read and search; None for nothing, whatever is stored."""
    if owner is None:
        return None
    try:
        both = [access.predicate(owner, type, interaction) for interaction in ("read", "search")]
    except Forbidden:
        return None
    return both[0] if both[0] == both[1] else conjunction(both)
