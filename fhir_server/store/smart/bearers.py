"""Who holds an access token: their rights as they are now, in one statement.

https://www.rfc-editor.org/rfc/rfc6750

The token, its grant, the app, the person's account and, where it ends with that, their session are looked at in every request,
so that whatever is revoked, disabled or cut down holds at the next one, in every worker. What requests ask while a statement runs is asked together.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Final

from fhir_server.store.database import Database
from fhir_server.store.gathering import Gathering
from fhir_server.store.smart.grants import HOLDERS, HOLDS
from smart_auth.granting import AUDIT, granted
from smart_auth.person import Person
from smart_auth.ports import Resources
from smart_auth.principal import Principal
from smart_auth.scopes import scope
from smart_auth.users import Practitioners, reach

RIGHTS: Final = """
json_build_array(t.client, t.scopes, c.scopes, c.administration, g.user_id, g.patient, g.id,
                 a.role, a.fhir_user, a.proxies, a.organizations, a.auditor)::text"""
"""The rights as one text, which is read the first time only that it is met."""
_HELD: Final = f"""
SELECT t.sha256, {RIGHTS} {HOLDERS}
 WHERE {{}} AND t.expires_at > clock_timestamp() AND {HOLDS}"""
_SOME: Final = {1: _HELD.format("t.sha256 = %s")} | {
    size: _HELD.format(f"t.sha256 = ANY(ARRAY[{','.join(['%s'] * size)}]::bytea[])") for size in (4, 16, 128)
}
"""With as many places as there are in the statement, one plan does for all; a list would be planned for anew each time."""
_MOST: Final = max(_SOME)


class Bearers:
    """Implements `smart_auth.ports.Bearers`; `practitioners` see everyone, or their own patients."""

    __slots__ = ("_asked", "_database", "_holder")

    def __init__(self, database: Database, practitioners: Practitioners, resources: Resources) -> None:
        self._database = database
        self._holder = holders(practitioners, resources)
        self._asked: Gathering[bytes, str | None] = Gathering(self._some, writers=1)

    async def holder(self, sha256: bytes) -> Principal | None:
        """The caller whom the token stands for; None when it is unknown, has ended, or whoever granted it may not any more."""
        said = await self._asked.add(sha256)
        return None if said is None else self._holder(said)

    async def holders(self, asked: Sequence[bytes]) -> list[Principal | None]:
        """Who holds each of the tokens, as `holder` says it: of those who stay connected, many at once."""
        return [None if said is None else self._holder(said) for said in await self._some(asked)]

    async def _some(self, asked: Sequence[bytes]) -> list[str | None]:
        wanted, found = list(set(asked)), dict[bytes, str]()
        for start in range(0, len(wanted), _MOST):
            few = wanted[start : start + _MOST]
            places = next(size for size in _SOME if size >= len(few))
            filled = few + few[-1:] * (places - len(few))
            found.update(await self._database.rows(_SOME[places], filled))
        return [found.get(each) for each in asked]


def holders(practitioners: Practitioners, resources: Resources) -> Callable[[str], Principal]:
    """Who has the rights in a text of `RIGHTS`: the same object for the same text."""
    return lru_cache(maxsize=4096)(partial(_principal, practitioners, resources))


def _principal(practitioners: Practitioners, resources: Resources, said: str) -> Principal:
    """The caller: of what was granted, what the app and the person still may."""
    client, scopes, registered, administration, user, patient, grant, role, *about = json.loads(said)
    if user is None:
        held = granted(scopes, registered, resources)
        told = any(found is not None and found.resource_type == AUDIT for found in map(scope, held))
        return Principal(f"client:{client}", frozenset(held), client, auditor=told)
    fhir_user, proxies, organizations, auditor = about
    person = Person(user, role, fhir_user, frozenset(proxies), auditor, frozenset(organizations))
    return Principal(
        subject=f"user:{user}",
        scopes=frozenset(granted(scopes, registered, resources, person)),
        client=client,
        user=user,
        fhir_user=fhir_user,
        patient=patient,
        reach=reach(role, fhir_user, proxies, organizations, practitioners),
        administrator=administration and role == "admin",
        auditor=auditor,
        grant=grant,
    )
