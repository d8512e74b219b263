"""The resources that a condition names, for conditional create, update and delete.

https://hl7.org/fhir/R4/http.html#cond-update
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from fhir_server.errors import InvalidSearch
from fhir_server.search.compile import keys
from fhir_server.search.execute import Connection, rows
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import parse
from fhir_server.search.plan import Limits, plan
from fhir_server.store.predicate import Predicate

_LIMITS: Final = Limits(1, 1)


class MatchedKey(NamedTuple):
    """A resource that meets the condition."""

    id: str
    version: int


async def match(
    connection: Connection,
    resource_type: str,
    query: str,
    access: Predicate,
    *,
    limit: int = 2,
    base_url: str = "",
) -> list[MatchedKey]:
    """At most `limit` resources that meet `query`, a query string, read strictly whatever the client prefers.

    Raises InvalidSearch for a query without criteria and for one that cannot be served: a condition that is not
    understood must not be taken for one that is met.
    """
    parsed = parse(resource_type, parse_qsl(query, keep_blank_values=True))
    if parsed.result:
        name = next(iter(parsed.result))
        raise InvalidSearch(f"{name} shapes a result and conditions nothing. Leave it out.", name)
    if not parsed.criteria:
        raise InvalidSearch("The condition has no search parameter. Name what identifies the resource.")
    planned = plan(parsed, access, "strict", _LIMITS, Reading(datetime.now(UTC), base_url))
    statement = keys(planned, limit)
    true, given, _ = await rows(connection, statement, base_url)
    if given == limit and len(true) < limit:
        true, _, _ = await rows(connection, keys(planned, 1000), base_url)
    return [MatchedKey(found.id, found.version) for found in true[:limit]]
