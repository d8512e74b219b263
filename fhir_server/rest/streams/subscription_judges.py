"""Who those are who follow subscriptions, asked before they are told anything: many in few statements.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from fhir_server.rest.streams.open_streams import Streams
from fhir_server.rest.streams.stream import Stream
from fhir_server.store.database import Database
from fhir_server.store.smart.standings import Standings
from fhir_server.store.subscriptions.following import Stand
from fhir_server.store.subscriptions.registrations import Registration
from fhir_server.store.subscriptions.status import Status
from fhir_server.subscriptions.as_json import asked_from, owner_from
from fhir_server.subscriptions.news import Following
from smart_auth.principal import Principal


class Judges:
    """Two ways to judge: by the token that a stream came with, and by the standing of a Subscription's owner."""

    __slots__ = ("_database", "_standings", "_streams")

    def __init__(self, streams: Streams, database: Database, standings: Standings) -> None:
        self._streams = streams
        self._database = database
        self._standings = standings

    def by_their_token(self, found: Status, stream: Stream, base_url: str, after: int) -> Following:
        """One who follows the Subscription as who came with the stream's token, and was told the events up to `after`."""
        assert found.asked is not None, "it was registered"
        stand = Stand(json.dumps(found.asked), found.state, found.error, found.numbered, found.kept_from)
        asked = asked_from(found.id, found.asked)
        return Following(found.key, asked, self.by_token, stream, base_url, after, stand)

    def by_their_owner(self, known: Registration, stand: Stand, base_url: str) -> Following:
        """One who follows the Subscription as its owner, from now on."""
        asked = asked_from(known.id, known.asked, known.ends_at)
        owner = owner_from(known.owner)
        return Following(known.key, asked, self.by_owner, owner, base_url, stand.numbered, stand)

    async def by_token(self, some: Sequence[Following]) -> Mapping[Following, Principal]:
        """Those whose token holds, `whose` being their Stream; the streams of the others end. Raises Unavailable."""
        streams = {one: cast("Stream", one.whose) for one in some}
        found = await self._streams.standing(set(streams.values()))
        return {one: found[stream] for one, stream in streams.items() if stream in found}

    async def by_owner(self, some: Sequence[Following]) -> Mapping[Following, Principal]:
        """Those whose owner stands, `whose` being the owner as kept with the Subscription. Raises Unavailable."""
        async with self._database.connection() as connection:
            found = await self._standings.of(connection, [cast("Principal", one.whose) for one in some])
        return {one: owner for one, owner in zip(some, found, strict=True) if owner is not None}
