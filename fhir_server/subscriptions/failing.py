"""What becomes of a subscription whose endpoint does not take what it is sent: tried again, in error, off.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/errors.html; docs/adr/0024-delivery.md
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fhir_server.subscriptions.model import State

FIRST_SECONDS: Final = 1.0
MOST_SECONDS: Final = 300.0
MOST_ASKED_SECONDS: Final = 3_600.0
_DOUBLINGS: Final = 12  # beyond what the longest pause needs

ANSWERED: Final = "The endpoint answered "
UNTOLD: Final = "The endpoint could not be told: "
"""What reasons begin with that are the endpoint's doing."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something was not taken, fit for the owner. Hard is what will hardly be otherwise the next time, gone what never will.

    `retry_after` are the seconds that the endpoint asked to be left alone for.
    """

    reason: str
    is_hard: bool = False
    is_gone: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Forbearance:
    """After how many failed attempts a subscription is in error, and after how long it is off."""

    attempts: int
    period: timedelta


def pause(attempts: int, failure: Failure, chance: float) -> float:
    """The seconds until the next attempt after so many failed ones: twice as long each time, less up to a half by `chance`.

    `chance` is from 0 to 1, so that those who failed together do not come back together.
    """
    longest = min(FIRST_SECONDS * (1 << min(attempts - 1, _DOUBLINGS)), MOST_SECONDS)
    asked = min(failure.retry_after or 0.0, MOST_ASKED_SECONDS)
    return max(longest * (1 - chance / 2), asked)


def state_after(
    state: State, attempts: int, failing_for: timedelta, failure: Failure, forbearance: Forbearance
) -> State:
    """The state after so many failed attempts, the last of them with `failure`.

    A handshake that fails is not tried again, and whatever is in error stays so until its owner starts it again.
    """
    if failure.is_gone or failing_for >= forbearance.period:
        return "off"
    if state == "requested" or failure.is_hard or attempts >= forbearance.attempts:
        return "error"
    return state


def code(reason: str) -> str | None:
    """What the reason is called in the code system of such errors; None where it was not the endpoint's doing.

    http://terminology.hl7.org/CodeSystem/subscription-error
    """
    if reason.startswith(ANSWERED):
        return "error-response"
    return "no-response" if reason.startswith(UNTOLD) else None
