"""An owner whose endpoints do not answer leaves places for others, and for those of their own that do."""

from datetime import UTC, datetime

from fhir_server.store.subscriptions.deliveries import Claim, Crowded
from fhir_server.subscriptions.places import (
    MOST_AT_ONCE,
    MOST_CLAIMED,
    MOST_DOUBTFUL,
    MOST_OF_ONE,
    Places,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def claim(key, owner="a", attempts=0, greeted=True):
    return Claim(
        key, str(key), owner, {}, {}, None, "active", None, NOW, None, greeted, 1, 0, 1, attempts, None, 10, False, False, False, []
    )  # fmt: skip


def taken(*claims):
    places = Places()
    for one in claims:
        places.take(one)
    return places


def test_an_owner_who_has_half_of_the_places_gets_no_more():
    others = [claim(1_000, owner="b")]
    assert taken(*map(claim, range(MOST_OF_ONE - 1)), *others).crowded() == Crowded([], [])
    assert taken(*map(claim, range(MOST_OF_ONE)), *others).crowded() == Crowded(["a"], [])


def test_endpoints_that_failed_or_never_answered_get_half_of_their_owner_s():
    doubtful = [claim(number, attempts=number % 2, greeted=False) for number in range(MOST_DOUBTFUL)]
    assert taken(*doubtful, claim(99)).crowded() == Crowded([], ["a"])
    assert taken(*doubtful[1:], claim(99)).crowded() == Crowded([], [])


def test_what_is_left_is_free_and_a_place_that_is_left_is_free_again():
    places = taken(*map(claim, range(MOST_AT_ONCE - 1)))
    assert (Places().free, places.free) == (MOST_CLAIMED, 1)
    places.take(claim(1_000))
    assert places.free == 0
    places.leave(claim(1_000))
    assert places.free == 1
