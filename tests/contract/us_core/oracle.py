"""Which resources a search should find, worked out from the elements alone, by the words of the standard.

https://hl7.org/fhir/R4/search.html#ptypes
"""

import re
from datetime import UTC, datetime, timedelta

_CHOICES = ("DateTime", "Period", "Instant", "Timing")
_DATES = frozenset({"date", "dateTime", "instant", "Period"})
TOKENS = frozenset({"CodeableConcept", "Coding", "Identifier", "code"})
_NAME = ("family", "given", "prefix", "suffix", "text")
_ADDRESS = ("line", "city", "district", "state", "postalCode", "country", "text")


def meets(resource, parameter, value):
    """Whether `resource` has one of the values, with a comma between, at one of the parameter's paths."""
    return any(
        _MATCHES[parameter.datatype](node, one)
        for one in value.split(",")
        for path in parameter.paths
        for node in nodes(resource, path)
    )


def nodes(resource, path):
    """The elements at `path`, through arrays, extensions named by their URL and choices of a type."""
    found = [resource]
    for step in re.split(r"\.(?![^(]*\))", path):
        if named := re.fullmatch(r"where\(url='(.*)'\)", step):
            found = [node for node in found if node["url"] == named[1]]
        else:
            found = [child for node in found for child in _children(node, step)]
    return found


def forms(parameter, resource):
    """Ways to ask for the first value of `parameter` in `resource`, each of which must find it."""
    node = next(node for path in parameter.paths for node in nodes(resource, path))
    match parameter.datatype:
        case "Reference":
            return [node["reference"], node["reference"].partition("/")[2]]
        case "CodeableConcept" | "Coding" | "Identifier":
            system, code = _entries(node)[0]
            return [f"{system}|{code}", code]
        case "HumanName":
            return [node["family"], node["given"][0].lower()]
        case "Address":
            return [node["city"], node["line"][0].upper()]
        case "string":
            return [node, node[:4].lower()]
        case datatype if datatype in _DATES:
            return _dates(parameter, node)
        case _:
            return [node]


def span(text):
    """The moments `[lo, hi)` that a date of any precision stands for; without a zone it is in UTC."""
    if len(text) == 4:
        return _utc(f"{text}-01-01"), _utc(f"{int(text) + 1}-01-01")
    if len(text) == 7:
        later = _utc(f"{text}-01") + timedelta(days=31)
        return _utc(f"{text}-01"), later.replace(day=1)
    start = _utc(text)
    if len(text) == 10:
        return start, start + timedelta(days=1)
    return start, start + timedelta(milliseconds=1 if "." in text else 1000)


def _dates(parameter, node):
    lo, hi = _stored(node)
    first, last = lo.date().isoformat(), (hi - timedelta(milliseconds=1)).date().isoformat()
    if not parameter.comparators:
        return [first]
    before, after = (lo - timedelta(days=400)).year, (hi + timedelta(days=400)).year
    return [f"ge{first}", f"le{last}", f"gt{before}", f"lt{after}"]


def _children(node, step):
    for name in (step, *(f"{step}{type}" for type in _CHOICES)):
        value = node.get(name)
        yield from value if isinstance(value, list) else () if value is None else (value,)


def _entries(node):
    if isinstance(node, str):
        return [(None, node)]
    if "coding" in node:
        return [entry for coding in node["coding"] for entry in _entries(coding)]
    return [(node.get("system", ""), node.get("code", node.get("value")))]


def _token(node, asked):
    system, bar, code = asked.rpartition("|")
    return any(
        (not bar or found_system == system) and code in ("", found) for found_system, found in _entries(node)
    )


def _reference(node, asked):
    reference = node.get("reference", "")
    return asked in (reference, reference.partition("/")[2])


def _string(node, asked):
    return node.casefold().startswith(asked.casefold())


def _parts(names):
    def matches(node, asked):
        return any(_string(part, asked) for name in names for part in _children(node, name))

    return matches


def _date(node, asked):
    prefix, text = (asked[:2], asked[2:]) if asked[0].isalpha() else ("eq", asked)
    (lo, hi), (low, high) = _stored(node), span(text)
    inside = low <= lo and hi <= high
    return {
        "eq": inside,
        "gt": hi > high,
        "lt": lo < low,
        "ge": inside or hi > high,
        "le": inside or lo < low,
    }[prefix]


def _stored(node):
    if isinstance(node, str):
        return span(node)
    lo = span(node["start"])[0] if "start" in node else datetime.min.replace(tzinfo=UTC)
    hi = span(node["end"])[1] if "end" in node else datetime.max.replace(tzinfo=UTC)
    return lo, hi


def _utc(text):
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


_MATCHES = {
    **dict.fromkeys(TOKENS, _token),
    **dict.fromkeys(_DATES, _date),
    "Reference": _reference,
    "HumanName": _parts(_NAME),
    "Address": _parts(_ADDRESS),
    "string": _string,
    "canonical": str.__eq__,
    "System.String": str.__eq__,
}
