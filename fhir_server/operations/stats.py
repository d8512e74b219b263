"""`$stats` of Observation: count, mean, percentiles and the like of the values of one subject, by hour, day, week or month too.

https://hl7.org/fhir/R4/observation-operation-stats.html
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fhir_server.errors import InvalidRequest
from fhir_server.json import JsonObject, stored
from fhir_server.operations.arguments import Arguments
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.measured import Coding, Wanted
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result, parameters
from fhir_server.operations.selection import OBSERVATION, selection
from fhir_server.operations.statistic import SORTED, STATISTICS, Statistic, Sums
from fhir_server.operations.stats_observation import observation
from fhir_server.operations.sums import MOST_GROUPS, Calendar, Group, Needs, Stretch, groups, sources
from fhir_server.operations.units import in_few_units
from fhir_server.search.params import date

MOST_CODES: Final = 50
MOST_HOURS: Final = Decimal(24 * 366 * 200)

_STRETCHES: Final[tuple[Stretch, ...]] = get_args(Stretch)


@dataclass(frozen=True, slots=True)
class _Period:
    """The time asked for, `[lo, hi)`, and as a FHIR Period, None where it has no bounds."""

    lo: datetime
    hi: datetime
    tree: JsonObject | None


async def serve(call: Invocation) -> Result:
    """Parameters with an Observation for each code, unit and stretch of time, and on request their sources.

    Raises InvalidRequest for what R4 does not know, for contradictions, and for more stretches than one answer holds.
    """
    asked = call.arguments
    statistics = _statistics(asked)
    period, calendar, codings = _period(call), _calendar(asked), _codings(asked)
    subject = _subject(call)
    pairs = (("subject", subject), ("status:not", "entered-in-error"))
    async with call.database.connection() as connection:
        wanted = Wanted(await selection(connection, call, pairs), codings, period.lo, period.hi)
        found = await groups(connection, wanted, calendar, _needs(statistics), {})
        scales = await asyncio.to_thread(in_few_units, found)
        if scales:
            found = await groups(connection, wanted, calendar, _needs(statistics), scales)
        if len(found) > MOST_GROUPS:
            raise InvalidRequest(
                f"There are more than {MOST_GROUPS} results. Ask for a longer stretch of time.", "by"
            )
        origin = await sources(connection, wanted, _limit(call)) if asked.holds("include") else []
    results = [
        observation(subject, codings[group.asked], group, statistics, period.tree, ZoneInfo(calendar.zone))
        for group in _told(found, codings)
    ]
    out: list[JsonObject] = [{"name": "statistics", "resource": one} for one in results]
    out += [{"name": "source", "resource": stored(body)} for body in origin]
    return parameters(*out)


def _subject(call: Invocation) -> str:
    """The subject as our own Observations name it."""
    text = (call.arguments.text("subject") or "").removeprefix(f"{call.base_url}/")
    if any(character in text for character in ",|$\\"):
        raise InvalidRequest(f"subject={text[:60]} is no reference. Write it as in Patient/123.", "subject")
    return text


def _statistics(asked: Arguments) -> tuple[Statistic, ...]:
    codes = tuple(dict.fromkeys(asked.texts("statistic")))
    for code in codes:
        if code not in STATISTICS:
            raise InvalidRequest(f"statistic={code[:60]} is not one of {', '.join(STATISTICS)}.", "statistic")
    return tuple(STATISTICS[code] for code in codes)


def _codings(asked: Arguments) -> tuple[Coding, ...]:
    """The codes asked for, each once, those of `code` with the one `system`."""
    system = asked.text("system")
    if system is not None and not asked.texts("code"):
        raise InvalidRequest("There is a system and no code. Give the code, or a coding instead.", "code")
    found = [Coding(system, code) for code in asked.texts("code")]
    for tree in asked.trees("coding"):
        if not isinstance(tree.get("code"), str):
            raise InvalidRequest("A coding has no code. Give it one.", "coding")
        found.append(Coding(cast("str | None", tree.get("system")), cast("str", tree["code"])))
    codings = tuple(dict.fromkeys(found))
    if not codings:
        raise InvalidRequest("No code is asked for. Give code, or coding.", "code")
    if len(codings) > MOST_CODES:
        raise InvalidRequest(f"{len(codings)} codes are asked for. Ask for at most {MOST_CODES}.", "code")
    return codings


def _period(call: Invocation) -> _Period:
    asked = call.arguments
    duration, period = asked.number("duration"), asked.tree("period")
    bounds = (asked.text("start"), asked.text("end"))
    given = [name for name in ("duration", "period") if name in asked.values] + (
        ["start"] if any(bounds) else []
    )
    if len(given) > 1:
        raise InvalidRequest(f"{' and '.join(given)} exclude each other. Give one of them.", given[1])
    if duration is not None:
        if not 0 < duration <= MOST_HOURS:
            raise InvalidRequest(
                f"duration={duration} is no number of hours above 0. Correct it.", "duration"
            )
        since = call.now - timedelta(microseconds=int(duration * 3_600_000_000))
        return _Period(since, call.now, {"start": _written(since), "end": _written(call.now)})
    if period is not None:
        bounds = (cast("str | None", period.get("start")), cast("str | None", period.get("end")))
    start, end = bounds
    lo = date.MIN if start is None else date.span(start).lo
    hi = date.MAX if end is None else date.span(end).hi
    if lo >= hi:
        raise InvalidRequest(
            f"start={start} is after end={end}. Exchange them.", given[0] if given else "start"
        )
    tree: JsonObject = {name: text for name, text in (("start", start), ("end", end)) if text is not None}
    return _Period(lo, hi, tree or None)


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _calendar(asked: Arguments) -> Calendar:
    by, zone = asked.text("by"), asked.text("zone") or "UTC"
    if by is not None and by not in _STRETCHES:
        raise InvalidRequest(f"by={by[:60]} is not one of {', '.join(_STRETCHES)}.", "by")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidRequest(
            f"zone={zone[:60]} is no time zone. Name one, as in Europe/Berlin.", "zone"
        ) from error
    return Calendar(by, zone)


def _needs(statistics: Sequence[Statistic]) -> Needs:
    codes = {one.code for one in statistics}
    return Needs(
        powers=bool(codes & {"std-dev", "variance", "skew", "kurtosis"}),
        line="regression" in codes,
        percentiles=bool(codes & SORTED),
    )


def _limit(call: Invocation) -> int:
    return min(call.arguments.whole("limit") or call.settings.max_count, call.settings.max_count)


def _told(found: Sequence[Group], codings: Sequence[Coding]) -> Iterator[Group]:
    """The groups that are results, each with the total of all Observations of its code and stretch of time.

    One without values is a result where there is no other of its code: then it says that there are none.
    """
    own = [group for group in found if group.code is None or not _is_asked(group.code, codings)]
    totals: dict[object, int] = {}
    for group in own:
        totals[_place(group)] = totals.get(_place(group), 0) + group.sums.total
    valued = {_place(group) for group in own if group.unit is not None}
    panels = {group.asked for group in own if group.code is not None}
    for group in own:
        empty = group.unit is None
        if empty and (_place(group) in valued or (group.code is None and group.asked in panels)):
            continue
        yield replace(group, sums=replace(group.sums, total=totals[_place(group)]))
    for n in sorted(set(range(len(codings))) - {group.asked for group in own}):
        yield Group(n, None, None, None, None, None, Sums(0, 0))


def _place(group: Group) -> tuple[int, str, object]:
    return group.asked, str(group.code), group.stretch


def _is_asked(code: JsonObject, codings: Sequence[Coding]) -> bool:
    """Whether the code of a component or member is one that is asked for itself, and told there."""
    (coding,) = cast("list[JsonObject]", code.get("coding", [{}]))
    return any(
        one.code == coding.get("code") and one.system in (None, coding.get("system")) for one in codings
    )


STATS: Final = Operation(
    id="Observation-stats",
    code="stats",
    title="Statistics of measured values",
    description="Statistics of the values of one subject: of Observations with a code, of components with it, and where the "
    "code is that of a panel, of its components and members by their own codes. Values are Quantities in UCUM units without "
    "a comparator; those in units that convert into each other are taken together in the one that occurs most, others get "
    "an Observation of their own. What is entered in error, and what has no time, is left out.",
    levels={"type": "search"},
    types=(OBSERVATION,),
    takes=(
        Parameter("subject", "uri", 1, "1", "Whose Observations, as in Patient/123."),
        Parameter("code", "string", 0, "*", "A code; with system, or in whatever system."),
        Parameter("system", "uri", 0, "1", "The system of every code."),
        Parameter("coding", "Coding", 0, "*", "A code with its system."),
        Parameter(
            "duration", "decimal", 0, "1", "The hours before now; or else give period, or start and end."
        ),
        Parameter(
            "period", "Period", 0, "1", "The time in which the effective time starts; all time without it."
        ),
        Parameter("start", "dateTime", 0, "1", "The start of the period, for requests by address."),
        Parameter("end", "dateTime", 0, "1", "The end of the period, for requests by address."),
        Parameter("statistic", "code", 1, "*", f"One of {', '.join(STATISTICS)}."),
        Parameter(
            "by", "code", 0, "1", f"One of {', '.join(_STRETCHES)}: a result for each that has Observations."
        ),
        Parameter(
            "zone", "string", 0, "1", "The time zone that `by` goes by, as in Europe/Berlin; UTC without it."
        ),
        Parameter("include", "boolean", 0, "1", "Whether the Observations that counted are returned too."),
        Parameter("limit", "positiveInt", 0, "1", "How many of them; the newest."),
    ),
    gives=(
        Parameter("statistics", "Observation", 0, "*", "The statistics as components, their codes R4's."),
        Parameter("source", "Observation", 0, "*", "An Observation that counted."),
    ),
    affects_state=False,
    by_index=True,
    serve=serve,
    base="http://hl7.org/fhir/OperationDefinition/Observation-stats",
)
