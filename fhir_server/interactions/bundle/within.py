"""What conditions find in the Bundle itself: resources that are not stored yet.

https://hl7.org/fhir/R4/http.html#trules
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from fhir_server.search import match
from fhir_server.search.plan import Plan
from fhir_server.store.drafts import Draft


class Within:
    """The drafts of a Bundle by entry number, to be asked what a condition finds among them."""

    def __init__(self, drafts: Iterable[tuple[int, Draft]], conditions: Iterable[Plan]) -> None:
        self._by_type = defaultdict[str, list[tuple[int, Draft]]](list)
        self._by_token = defaultdict[int, list[tuple[int, Draft]]](list)
        asked = {token for plan in conditions for token in match.tokens(plan) or ()}
        for number, draft in drafts:
            self._by_type[draft.type].append((number, draft))
            for token in asked.intersection(draft.index.tokens):
                self._by_token[token].append((number, draft))

    def meeting(self, type: str, condition: Plan) -> list[int]:
        """The entries whose drafts meet the condition, which is one of those that were given, in order."""
        found = {
            number for number, draft in self._candidates(type, condition) if match.met(condition, draft.tree)
        }
        return sorted(found)

    def _candidates(self, type: str, condition: Plan) -> Sequence[tuple[int, Draft]]:
        tokens = match.tokens(condition)
        if tokens is None:
            return self._by_type[type]
        return [each for token in tokens for each in self._by_token[token] if each[1].type == type]
