"""What conditions find in the Bundle itself: resources that are not stored yet.

https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from fhir_server.errors import InvalidRequest, Issue
from fhir_server.search import match
from fhir_server.search.plan import Plan
from fhir_server.store.drafts import Draft

MOST: Final = 200_000
"""Drafts that are looked at for all conditions together: a few seconds of the processor."""

_AT_ONCE: Final = 200  # before others may use the processor: a few milliseconds


class Within:
    """The drafts of a Bundle by entry number, to be asked what a condition finds among them."""

    def __init__(
        self, drafts: Iterable[tuple[int, Draft]], conditions: Iterable[Plan], most: int = MOST
    ) -> None:
        self._by_type = defaultdict[str, list[tuple[int, Draft]]](list)
        self._by_token = defaultdict[int, list[tuple[int, Draft]]](list)
        self._most = most
        self._looked = 0
        asked = {token for plan in conditions for token in match.tokens(plan) or ()}
        for number, draft in drafts:
            self._by_type[draft.type].append((number, draft))
            for token in asked.intersection(draft.index.tokens):
                self._by_token[token].append((number, draft))

    async def meeting(self, type: str, condition: Plan) -> list[int]:
        """The entries whose drafts meet the condition, which is one of those that were given, in order.

        Raises InvalidRequest when all conditions together would have to look at more than `most` drafts.
        """
        candidates, found = self._candidates(type, condition), set[int]()
        if self._looked + len(candidates) > self._most:
            raise _too_costly(self._most)
        for number, draft in candidates:
            self._looked += 1
            if self._looked % _AT_ONCE == 0:
                await asyncio.sleep(0)
            if match.met(condition, draft.tree):
                found.add(number)
        return sorted(found)

    def _candidates(self, type: str, condition: Plan) -> Sequence[tuple[int, Draft]]:
        tokens = match.tokens(condition)
        if tokens is None:
            return self._by_type[type]
        return [each for token in tokens for each in self._by_token[token] if each[1].type == type]


def _too_costly(most: int) -> InvalidRequest:
    text = (
        f"The conditions of the Bundle would be compared with its own resources more than {most} times. Name resources by "
        "an identifier, which needs no comparing, or send the Bundle in parts."
    )
    return InvalidRequest(text, issues=(Issue("too-costly", text, "Bundle.entry"),))
