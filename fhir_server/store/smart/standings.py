"""What somebody who asked for something lasting may now, though no token of theirs is at hand.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html; docs/adr/0024-delivery.md

The app must be registered and not disabled; of an app that a person uses the grant must hold, with a token under it that can still
be used, and the person's account. Their scopes are those they had, cut to what app and person may have now.
"""

from collections.abc import Collection, Sequence
from typing import Final

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from fhir_server.store.smart.bearers import RIGHTS, holders
from fhir_server.store.smart.grants import HOLDS
from smart_auth.bearer import CREDENTIALS
from smart_auth.ports import Resources
from smart_auth.principal import Principal
from smart_auth.users import Practitioners

_STANDING: Final = f"""
SELECT t.place, {RIGHTS}
  FROM jsonb_to_recordset(%s) AS t (place int, client text, "user" text, grant_id text, scopes text[])
  JOIN oauth_client c ON c.id = t.client
  LEFT JOIN oauth_grant g ON g.id = t.grant_id AND g.client = t.client AND g.user_id = t."user"
  LEFT JOIN account a ON a.id = g.user_id
 WHERE {HOLDS} AND (t."user" IS NULL OR g.id IS NOT NULL)
   AND (g.id IS NULL
        OR EXISTS (SELECT FROM oauth_access o WHERE o.grant_id = g.id AND o.expires_at > clock_timestamp())
        OR EXISTS (SELECT FROM oauth_once o WHERE o.grant_id = g.id AND o.kind = 'refresh' AND o.spent_at IS NULL
                                              AND o.expires_at > clock_timestamp()))"""


class Standings:
    """Tells the standing of owners; `practitioners` see everyone, or their own patients.

    `credentials` are those that let in now without an account, by subject and fingerprint (`Principal.grant`).
    """

    __slots__ = ("_credentials", "_holder")

    def __init__(
        self,
        practitioners: Practitioners,
        resources: Resources,
        credentials: Collection[tuple[str, str | None]] = (),
    ) -> None:
        self._holder = holders(practitioners, resources)
        self._credentials = frozenset(credentials)

    async def of(
        self, connection: psycopg.AsyncConnection[TupleRow], owners: Sequence[Principal]
    ) -> list[Principal | None]:
        """For each of `owners`, as they were when they asked, who they are now: None for one who may nothing any more.

        One statement for all. The operator's credential stands while it lets in, whose files were loaded stands always.
        """
        asked = [
            {
                "place": place,
                "client": one.client,
                "user": one.user,
                "grant_id": one.grant,
                "scopes": sorted(one.scopes),
            }
            for place, one in enumerate(owners)
            if one.client is not None
        ]
        said = dict[int, str]()
        if asked:
            said = dict(await (await connection.execute(_STANDING, (Jsonb(asked),))).fetchall())
        return [self._now(one, said.get(place)) for place, one in enumerate(owners)]

    def _now(self, then: Principal, said: str | None) -> Principal | None:
        if then.client is None:
            is_past = then.subject in CREDENTIALS and (then.subject, then.grant) not in self._credentials
            return None if is_past or then.user is not None else then
        return None if said is None else self._holder(said)
