"""What somebody who asked for something lasting may now, though no token of theirs is at hand.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html; docs/adr/0024-delivery-of-notifications.md

The app must be registered and not disabled; of an app that a person uses the grant must hold, with a token under it that can still
be used, and the person's account. Their scopes are those they had, cut to what app and person may have now.
"""

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from fhir_server.json import JsonObject, JsonValue
from fhir_server.store.smart.bearers import RIGHTS, holders
from fhir_server.store.smart.grants import HOLDS
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


def owner(principal: Principal) -> JsonObject:
    """What is kept of a caller, so that their standing can be told later."""
    return {
        "subject": principal.subject,
        "scopes": list[JsonValue](sorted(principal.scopes)),
        "client": principal.client,
        "user": principal.user,
        "grant": principal.grant,
        "administrator": principal.administrator,
        "auditor": principal.auditor,
    }


class Standings:
    """Tells the standing of owners; `practitioners` see everyone, or their own patients."""

    __slots__ = ("_holder",)

    def __init__(self, practitioners: Practitioners, resources: Resources) -> None:
        self._holder = holders(practitioners, resources)

    async def of(
        self, connection: psycopg.AsyncConnection[TupleRow], owners: Sequence[JsonObject]
    ) -> list[Principal | None]:
        """For each of `owners` (as `owner` made them) who they are now, None for one who may nothing any more.

        One statement for all. The operator's own credentials stand always.
        """
        asked = [
            {
                "place": place,
                "client": one["client"],
                "user": one["user"],
                "grant_id": one["grant"],
                "scopes": one["scopes"],
            }
            for place, one in enumerate(owners)
            if one["client"] is not None
        ]
        said = dict[int, str]()
        if asked:
            said = dict(await (await connection.execute(_STANDING, (Jsonb(asked),))).fetchall())
        return [self._one(one, said.get(place)) for place, one in enumerate(owners)]

    def _one(self, kept: JsonObject, said: str | None) -> Principal | None:
        if kept["client"] is not None:
            return None if said is None else self._holder(said)
        if kept["user"] is not None:
            return None
        return Principal(
            subject=str(kept["subject"]),
            scopes=frozenset(map(str, _list(kept["scopes"]))),
            administrator=kept["administrator"] is True,
            auditor=kept["auditor"] is True,
        )


def _list(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list), "as it was kept"
    return value
