"""What the conditions of a Bundle find, asked before the transaction and once more inside it.

https://hl7.org/fhir/R4/http.html#ccreate

Asked before, so that resources are linked, validated and numbered while nothing is locked. Asked again under the locks
that equal conditions share: an answer that has changed since sends everything back to the start.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from fhir_server.interactions.conditional import Query
from fhir_server.search import match
from fhir_server.search.execute import Connection
from fhir_server.search.match import MatchedKey
from fhir_server.search.plan import Plan
from fhir_server.store.rows import Key


@dataclass(frozen=True, slots=True)
class Question:
    """A search of a type for what a condition names."""

    type: str
    query: Query
    plan: Plan

    def without(self, ids: Collection[str]) -> "Question":
        """The question, not to be answered with those ids."""
        return Question(self.type, self.query, match.without(self.plan, ids))


def question(type: str, query: Query) -> Question:
    """What `query` asks. Raises InvalidSearch for one that cannot be served, Forbidden for one that may not be asked."""
    return Question(type, query, match.asked(type, query.text, query.access, query.base_url))


@dataclass(slots=True)
class Inquiry:
    """Questions in rounds, each round in as few statements as it takes, with their answers."""

    rounds: list[tuple[Sequence[Question], list[list[MatchedKey]]]] = field(default_factory=list)

    async def ask(
        self, connection: Connection, questions: Sequence[Question], gone: Collection[Key] = ()
    ) -> list[list[MatchedKey]]:
        """Two matches of each question at most, in order, none of which is `gone`.

        Only where two matches are not all there are, the database has to look beyond those that are gone.
        """
        if not questions:
            return []
        found = await self._asked(connection, questions)
        left = [
            [each for each in answer if (one.type, each.id) not in gone]
            for one, answer in zip(questions, found, strict=True)
        ]
        open_ = [n for n, answer in enumerate(found) if len(answer) == 2 and len(left[n]) < 2]
        if open_:
            again = [
                questions[n].without([id for type, id in gone if type == questions[n].type]) for n in open_
            ]
            for number, answer in zip(open_, await self._asked(connection, again), strict=True):
                left[number] = answer
        return left

    async def still_holds(self, connection: Connection) -> bool:
        """Whether every question still has the same answer."""
        for questions, before in self.rounds:
            now = await match.matches(connection, [one.plan for one in questions])
            if [_ids(one) for one in now] != [_ids(one) for one in before]:
                return False
        return True

    async def _asked(self, connection: Connection, questions: Sequence[Question]) -> list[list[MatchedKey]]:
        found = await match.matches(connection, [one.plan for one in questions])
        self.rounds.append((questions, found))
        return found


def _ids(found: Sequence[MatchedKey]) -> list[str]:
    return sorted(one.id for one in found)
