"""What a Subscription asks to be told of: a topic with its filters, or a search as R4 itself has it.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.criteria

Only what a resource by itself decides is taken: neither chains nor what others that refer to it say, nothing that depends
on when it is looked at, and nothing that only a terminology service could answer.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch, Unprocessable
from fhir_server.json import JsonObject
from fhir_server.search.branch import conditions_of
from fhir_server.search.match import asked as understood
from fhir_server.search.params import concept
from fhir_server.search.params.catalog import served
from fhir_server.search.params.escapes import split
from fhir_server.search.params.kinds import AnyCondition
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.parse import Criterion as Demand
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.subscriptions.extensions import FILTER, extensions, refuse_any
from fhir_server.subscriptions.model import Criterion
from fhir_server.subscriptions.topics import UNWATCHED, Topic, named

PLACE: Final = "Subscription.criteria"
MAX_FILTERS: Final = 50

_Pair = tuple[str, str]
_SEARCH: Final = re.compile(r"(?P<type>[A-Za-z]+)(?:\?(?P<query>.*))?", re.DOTALL)
_OF_TYPE: Final = re.compile(r"(?P<type>[A-Z][A-Za-z]*)[?.](?P<query>.*)", re.DOTALL)
_URNS: Final = ("urn:uuid:", "urn:oid:")
_BOUNDS: Final = ("gt", "ge", "lt", "le")


def topic_of(tree: JsonObject, base_url: str, *, claimed: bool) -> Topic | None:
    """The topic that `criteria` names; None for a search. Raises Unprocessable for a topic that is not served.

    Whoever has `claimed` the guide's profile means a topic.
    """
    criteria = str(tree.get("criteria"))
    found = named(criteria, base_url)
    if found is None and (claimed or ":" in criteria.partition("?")[0]):
        raise Unprocessable(
            f"{criteria[:200]!r} is no topic that is served here. The CapabilityStatement lists those that are.",
            PLACE,
        )
    return found


def of_topic(topic: Topic, tree: JsonObject, base_url: str) -> Criterion:
    """The criterion of a topic and the filters beside it. Raises Unprocessable for a filter that the topic does not take."""
    pairs, limited = list[_Pair](), False
    for text, place in _filters(tree):
        for name, value in _filter(topic, text, place):
            code = name.partition(":")[0]
            if topic.filters is not None and code not in topic.filters:
                raise Unprocessable(
                    f"The topic {topic.name} takes no filter {code[:100]}. It takes {', '.join(sorted(topic.filters))}.",
                    place,
                )
            pair = _own(topic.type, *_renamed(topic, name, value, base_url), base_url)
            (criterion,) = _understood(topic.type, [pair], place, base_url)
            limited = limited or (code in topic.limits and _is_limit(criterion))
            pairs.append(pair)
    if topic.limits and not limited:
        raise Unprocessable(
            f"The topic {topic.name} needs a limit: a filter of {', '.join(sorted(topic.limits))}, each of its values with "
            f"{', '.join(_BOUNDS)}, as in `value-quantity=gt180`.",
            PLACE,
        )
    return Criterion(topic.type, urlencode(pairs), topic.changes, topic.trigger)


def of_search(tree: JsonObject, base_url: str) -> Criterion:
    """The criterion that is R4's own, `Type?search`. Raises Unprocessable for a search that cannot be decided."""
    refuse_any(tree.get("_criteria"), PLACE)
    criteria = str(tree.get("criteria"))
    form = _SEARCH.fullmatch(criteria) if criteria == criteria.strip() else None
    if form is None or form["type"] not in RESOURCE_TYPES:
        raise Unprocessable(
            f"{criteria[:200]!r} is no search. Write `Type?parameter=value`, without an address before it, or name a topic.",
            PLACE,
        )
    type = form["type"]
    if type in UNWATCHED:
        raise Unprocessable(f"Nobody is told of changes of {type}. Ask for another type.", PLACE)
    pairs = _pairs(form["query"] or "")
    own = [_own(type, *pair, base_url) for pair in pairs]
    _understood(type, own, PLACE, base_url)
    return Criterion(type, urlencode(own), frozenset({"create", "update"}))


def _filters(tree: JsonObject) -> Iterator[tuple[str, str]]:
    """Every filter with its place; each is a search of which all must hold."""
    found = list(extensions(tree.get("_criteria"), PLACE, {FILTER: "valueString"}))
    if len(found) > MAX_FILTERS:
        raise Unprocessable(f"There are {len(found)} filters. Give at most {MAX_FILTERS}.", PLACE)
    for one in found:
        yield str(one.value), one.place


def _filter(topic: Topic, text: str, place: str) -> list[_Pair]:
    """`name=value`, `Type.name=value` or `Type?name=value`, and several of them with `&`."""
    pairs, form = list[_Pair](), _OF_TYPE.fullmatch(text)
    typed = form is not None and form["type"] in RESOURCE_TYPES
    for name, value in _pairs(form["query"] if form is not None and typed else text):
        head, point, rest = name.partition(".")
        if point and head in RESOURCE_TYPES:
            _same_type(topic, head, place)
            name = rest  # noqa: PLW2901 - the parameter without its type
        pairs.append((name, value))
    if form is not None and typed:
        _same_type(topic, form["type"], place)
    if not pairs or text != text.strip():
        raise Unprocessable(
            f"The filter {text[:200]!r} is empty, or has spaces around it. Write `parameter=value`.", place
        )
    return pairs


def _same_type(topic: Topic, type: str, place: str) -> None:
    if type != topic.type:
        raise Unprocessable(
            f"The topic {topic.name} is about {topic.type}, the filter about {type}. Filter {topic.type}.",
            place,
        )


def _pairs(query: str) -> list[_Pair]:
    return parse_qsl(query, keep_blank_values=True)


def _renamed(topic: Topic, name: str, value: str, base_url: str) -> _Pair:
    """A filter under another name than its search parameter's, as that parameter: references as the ids in them."""
    known = dict(topic.aliases).get(name)
    if known is None:
        return name, value
    each = [_without_base(one, base_url).removeprefix(f"{topic.type}/") for one in value.split(",")]
    return known, ",".join(each)


def _understood(type: str, pairs: Sequence[_Pair], place: str, base_url: str) -> tuple[Demand, ...]:
    """What the search demands. Raises Unprocessable for what a resource by itself does not decide."""
    if not pairs:
        return ()
    for name, value in pairs:
        if _names_an_entry(type, name, value):
            raise Unprocessable(
                f"{name[:100]} names something by a URN, which only entries of a Bundle have. Name it by `Type/id`: make it first, or by PUT.",
                place,
            )
    try:
        plan = understood(type, urlencode(pairs), _everything, base_url)
    except InvalidSearch as error:
        raise Unprocessable(str(error), place) from error
    for wanted, demand in zip(plan.wanted, plan.criteria, strict=True):
        why = _undecidable(conditions_of(wanted), demand)
        if why is not None:
            raise Unprocessable(f"{demand.label[:100]} {why}", place)
    return plan.criteria


def _undecidable(conditions: Sequence[AnyCondition], demand: Demand) -> str | None:
    if not conditions:
        return "looks at other resources, which decide about no event. Leave it out."
    if any(_is_question(one) for one in conditions):
        return "needs a terminology service for each event. Give the codes themselves."
    if any(_is_about_now(one.parameter, demand.values) for one in conditions):
        return "with `ap` means something else every day. Give bounds with ge and le."
    return None


def _everything(_type: str, _interaction: str) -> Predicate:
    """What owners may see is asked when there is an event; here it is only read what they ask for."""
    return EVERYTHING


def _is_question(condition: AnyCondition) -> bool:
    return any(isinstance(one, concept.InValueSet | concept.Related) for one in condition.asked)


def _is_about_now(parameter: Parameter, values: Iterable[str]) -> bool:
    """Whether a date is asked for with `ap`, which is measured from the present."""
    if parameter.kind == "date":
        return any(value.startswith("ap") for value in values)
    dated = any(part.parameter.kind == "date" for part in parameter.parts)
    return dated and any(part.startswith("ap") for value in values for part in split(value, "$")[1:])


def _is_limit(demand: Demand) -> bool:
    """Whether every value that is asked for is a bound."""
    return all(split(value, "$")[-1].startswith(_BOUNDS) for value in demand.values)


def _names_an_entry(type: str, name: str, value: str) -> bool:
    """Whether a URN is to be found where no stored resource has any: nothing rewrites a search in a Bundle."""
    code, _, modifier = name.partition(":")
    parameter = served(type).get(code)
    refers = parameter is not None and (parameter.kind == "reference" or parameter.column == "id")
    return refers and modifier != "identifier" and any(one.startswith(_URNS) for one in value.split(","))


def _without_base(reference: str, base_url: str) -> str:
    return reference.removeprefix(f"{base_url}/") if base_url else reference


def _own(type: str, name: str, value: str, base_url: str) -> _Pair:
    """The pair with references to this server as they are stored, whatever address it goes by later."""
    parameter = served(type).get(name.partition(":")[0])
    if parameter is not None and parameter.kind == "reference":
        value = ",".join(_without_base(each, base_url) for each in value.split(","))
    return name, value
