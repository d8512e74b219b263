"""A reading that says more of its moment than what is stored: members of a panel, results of a report, components.

https://hl7.org/fhir/R4/observation.html#obsgrouping; docs/adr/0004-identity.md
"""

from collections.abc import Mapping
from typing import Final, cast

from mappers.identity import fingerprint
from mappers.mapped import Resource

COMPONENT: Final = "component"
REFERENCES: Final = ("hasMember", "result")
LISTS: Final = (*REFERENCES, COMPONENT)
"""The elements that a later reading of the same moment may add to."""


def joined(stored: Resource, sent: Resource, *, replaces: bool) -> Resource | None:
    """What is to be there of both under one identity; None where `sent` contradicts what is `stored`.

    What is stored and not sent again stays: nothing was said against it. Where `sent` `replaces` what is stored, it says
    all but the members and results, which are Observations of their own. Neither is changed.
    """
    lists: Resource = {
        name: _united(stored, sent, name) for name in REFERENCES if name in stored or name in sent
    }
    if replaces:
        return {**sent, **lists}
    if fingerprint(_without_lists(stored)) != fingerprint(_without_lists(sent)):
        return None
    if COMPONENT in stored or COMPONENT in sent:
        components = _components(stored, sent)
        if components is None:
            return None
        lists[COMPONENT] = components
    return {**stored, **lists, "issued": sent["issued"]} if "issued" in sent else {**stored, **lists}


def _united(stored: Resource, sent: Resource, name: str) -> list[object]:
    there, more = _list(stored, name), _list(sent, name)
    known = {_reference(each) for each in there}
    return [*there, *(each for each in more if _reference(each) not in known)]


def _components(stored: Resource, sent: Resource) -> list[object] | None:
    """The components of both; None where one of the same code is another."""
    there = _list(stored, COMPONENT)
    known = {_code(each): _content(each) for each in there}
    more = []
    for each in _list(sent, COMPONENT):
        if _code(each) not in known:
            more.append(each)
        elif known[_code(each)] != _content(each):
            return None
    return [*there, *more]


def _list(resource: Resource, name: str) -> list[object]:
    return cast("list[object]", resource.get(name, []))


def _reference(member: object) -> object:
    return cast("Mapping[str, object]", member).get("reference")


def _code(component: object) -> bytes:
    return fingerprint({COMPONENT: cast("Mapping[str, object]", component).get("code")})


def _content(component: object) -> bytes:
    return fingerprint({COMPONENT: component})


def _without_lists(resource: Resource) -> Resource:
    return {name: content for name, content in resource.items() if name not in LISTS}
