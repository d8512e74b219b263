"""A search URL explained: what was understood, and the SQL it becomes, without a database.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from fhir_server.clock import now
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch
from fhir_server.search.compile import Statement, page, total
from fhir_server.search.conditions import hashed
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import parse
from fhir_server.search.plan import Limits, Plan, plan
from fhir_server.store.predicate import EVERYTHING

_LIMITS: Final = Limits(50, 1000)
_NEW_LINE_BEFORE: Final = (" FROM ", " WHERE ", " CROSS JOIN ", " UNION ALL ", " ORDER BY ")


def explain(url: str, *, at: datetime | None = None) -> str:
    """The plan and the statements of `url` (`Observation?code=…`, or the whole address), asked at `at` or now.

    Raises InvalidSearch as the search itself would, and for an address that names no resource type.
    """
    parts = urlsplit(url)
    base, _, resource_type = parts.path.rstrip("/").rpartition("/")
    if resource_type not in RESOURCE_TYPES:
        raise InvalidSearch(f"{resource_type[:60]!r} is no resource type. Write `Observation?code=…`.")
    base_url = f"{parts.scheme}://{parts.netloc}{base}" if parts.netloc else ""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    planned = plan(parse(resource_type, pairs), EVERYTHING, "strict", _LIMITS, Reading(at or now(), base_url))
    return "\n".join(_lines(planned))


def _lines(planned: Plan) -> Iterator[str]:
    yield f"{planned.resource_type}, sorted by {planned.sort.text}, {planned.count} a page"
    yield from (f"  {_told(condition)}" for condition in planned.conditions)
    if planned.count:
        yield "page:"
        yield from _statement(page(planned, None, planned.count + 1))
    if planned.total:
        yield "total:"
        yield from _statement(total(planned))


def _told(wanted: AnyCondition) -> str:
    parameter = wanted.parameter
    where = {
        "patient": "patient",
        "date": "date",
        "value": "value",
        "id": "id",
        "last_updated": "last_updated",
    }
    place = f"column {where[parameter.column]}" if parameter.column else parameter.kind
    label = f"{parameter.code}:{wanted.modifier}" if wanted.modifier else parameter.code
    values = " or ".join(map(repr, wanted.asked)) or ("absent" if wanted.absent else "present")
    return f"{label} ({place}{', hashed' if hashed(wanted) else ''}): {values}"


def _statement(statement: Statement) -> Iterator[str]:
    sql = statement.sql
    for words in _NEW_LINE_BEFORE:
        sql = sql.replace(words, f"\n{words.lstrip()}")
    yield from (f"  {line}" for line in sql.splitlines())
    yield f"  parameters: {list(statement.params)!r}"
    if statement.recheck:
        yield f"  looked at once more: {', '.join(one.parameter.code for one in statement.recheck)}"
