"""Places: how many notifications a process has under way at once, and how many of one owner.

docs/adr/0024-delivery.md, "Nobody waits for a slow endpoint"

Endpoints that do not answer hold their places until their time is over. So that they delay nobody else's, an owner has at
most half of the places, and those whose endpoints failed last, or never answered, half of the owner's. It is looked at before
a claim and not within: a claim of `MOST_CLAIMED` may go beyond by one less.
"""

from collections import Counter
from typing import Final

from fhir_server.store.subscriptions.deliveries import Claim, Crowded

MOST_AT_ONCE: Final = 100
MOST_OF_ONE: Final = 50
MOST_DOUBTFUL: Final = 25
MOST_CLAIMED: Final = 25


class Places:
    """Who has the places, by the key of the subscription."""

    def __init__(self) -> None:
        self._taken: dict[int, Claim] = {}

    @property
    def free(self) -> int:
        """How many more may be claimed now."""
        return min(MOST_AT_ONCE - len(self._taken), MOST_CLAIMED)

    def crowded(self) -> Crowded:
        """The owners of whom no more are to be claimed."""
        of_owner = Counter(one.owner_key for one in self._taken.values())
        doubtful = Counter(one.owner_key for one in self._taken.values() if one.is_doubtful)
        return Crowded(
            [owner for owner, count in of_owner.items() if count >= MOST_OF_ONE],
            [owner for owner, count in doubtful.items() if count >= MOST_DOUBTFUL],
        )

    def take(self, claimed: Claim) -> None:
        """The subscription has a place."""
        self._taken[claimed.key] = claimed

    def leave(self, claimed: Claim) -> None:
        """Its place is free."""
        del self._taken[claimed.key]
