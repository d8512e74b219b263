"""Whether somebody may be told anything at this moment of what a subscription watches.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html
"""

from typing import Final

from fhir_server.errors import Forbidden
from fhir_server.search.access import predicate
from fhir_server.subscriptions.model import Asked
from smart_auth.principal import Principal

_NEEDED: Final = ("read", "search")
ENDED: Final = (
    "The right to be told has ended: the app is disabled, what its user granted it does not hold any more, "
    "or the operator's token is another one now."
)


def refusal(owner: Principal | None, asked: Asked) -> str | None:
    """Why nothing is told any more to the owner, as `store.smart.standings` found them; None where they may be told."""
    if owner is None:
        return ENDED
    types = dict.fromkeys(criterion.type for criterion in asked.criteria)
    if any(_may_see(owner, type) for type in types):
        return None
    return f"The right to be told has ended: {', '.join(types)} may not be read and searched any more."


def refuse_unseen(caller: Principal, asked: Asked) -> None:
    """Nothing for who may read and search what is watched; raises Forbidden, whatever there is of it."""
    for criterion in asked.criteria:
        _refuse_unseen(caller, criterion.type)


def _may_see(owner: Principal, type: str) -> bool:
    try:
        _refuse_unseen(owner, type)
    except Forbidden:
        return False
    return True


def _refuse_unseen(caller: Principal, type: str) -> None:
    for interaction in _NEEDED:
        predicate(caller, type, interaction)
