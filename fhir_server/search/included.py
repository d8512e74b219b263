"""The included resources of a page, fetched: one statement for each step away from the matches.

https://hl7.org/fhir/R4/search.html#include

References are read from the stored bodies, so nothing is included that does not refer, whatever hashes say.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
import psycopg
from psycopg.rows import TupleRow

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch, Issue
from fhir_server.search.chain import by_url
from fhir_server.search.include import Inclusion, Link
from fhir_server.search.params import reference, uri
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.params.paths import Node, nodes
from fhir_server.search.params.sql import tokens
from fhir_server.store.predicate import EVERYTHING, Predicate

_TYPES = {number: name for name, number in RESOURCE_TYPES.items()}
_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([1-9][0-9]{0,8}))?")


class Resource(NamedTuple):
    """A version of a resource, a match or one beside the matches."""

    type: str
    id: str
    version: int
    body: str


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL whose rows are type number, id, version, body; `stable` when only ids are asked for, which needs no new plan."""

    sql: str
    params: tuple[object, ...]
    stable: bool


class Sought:
    """What one step looks for: current resources by id, named versions, canonical URLs, and referrers to certain texts."""

    __slots__ = ("ids", "referrers", "urls", "versions")

    def __init__(self) -> None:
        self.ids: dict[str, set[str]] = {}
        self.versions: dict[str, set[tuple[str, int]]] = {}
        self.urls: dict[str, set[str]] = {}
        self.referrers: dict[Link, set[str]] = {}


@dataclass(slots=True)
class _Referrers:
    """By type what its resources refer to: Patients that they are about, and tokens of other references."""

    access: Predicate
    patients: dict[str, set[str]] = field(default_factory=dict)
    tokens: dict[str, set[int]] = field(default_factory=dict)


async def included(
    connection: psycopg.AsyncConnection[TupleRow],
    wanted: Inclusion,
    matches: Sequence[Resource],
    base_url: str,
) -> list[Resource]:
    """The resources to include beside `matches`, none of them twice. Raises InvalidSearch when there are too many."""
    seen = {(one.type, one.id, one.version) for one in matches}
    current = {(one.type, one.id) for one in matches}
    found, newest, links = list[Resource](), matches, wanted.links
    while newest and links:
        step = sought(wanted, links, newest, current, base_url)
        statement = statement_of(step, wanted, len(seen))
        if statement is None:
            break
        cursor = await connection.execute(statement.sql, statement.params, prepare=statement.stable)
        rows = (Resource(_TYPES[number], *rest) for number, *rest in await cursor.fetchall())
        newest = [one for one in rows if one[:3] not in seen and _is_sought(step, one, base_url)]
        newest = list({one[:3]: one for one in newest}.values())
        found += newest
        if len(found) > wanted.limit:
            raise _too_many(wanted)
        seen.update(one[:3] for one in newest)
        current.update(one[:2] for one in newest)
        links = tuple(link for link in wanted.links if link.iterate)
    return found


def sought(
    wanted: Inclusion,
    links: Sequence[Link],
    resources: Iterable[Resource],
    current: set[tuple[str, str]],
    base_url: str,
) -> Sought:
    """What `links` lead to from `resources`, of the types that may be read, but for what is there already."""
    step = Sought()
    forward, backward = _by_type(links)
    known = set[tuple[int, str]]()
    for one in resources:
        ahead, behind = forward.get(one.type, ()), backward.get(one.type, ())
        tree: Node = orjson.loads(one.body) if ahead or any(by_url(link.parameter) for link in behind) else {}
        for link in ahead:
            for text in _texts(link.parameter, tree):
                if (id(link), text) not in known:  # many refer to one
                    known.add((id(link), text))
                    _seek(step, wanted, link, reference.keys(text, base_url)[:1], current)
        for link in behind:
            if link.source in wanted.access:
                named = tree.get("url") if by_url(link.parameter) else f"{one.type}/{one.id}"
                if named is not None:
                    step.referrers.setdefault(link, set()).add(named)
    return step


def statement_of(step: Sought, wanted: Inclusion, seen: int) -> Statement | None:
    """The statement for all that the step looks for, None when that is nothing; `seen` rows may come in vain."""
    by_id = [_by_ids(wanted, name, sorted(ids)) for name, ids in sorted(step.ids.items())]
    parts = [
        *by_id,
        *(_versions(wanted, name, sorted(versions)) for name, versions in sorted(step.versions.items())),
        *(_by_urls(wanted, name, urls) for name, urls in sorted(step.urls.items())),
        *_referring(wanted, step.referrers),
    ]
    if not parts:
        return None
    every = " UNION ALL ".join(part.sql for part in parts)
    return Statement(
        f"SELECT i.type, i.id, i.version, i.body::text FROM ({every}) i LIMIT {wanted.limit + seen + 1}",
        tuple(value for part in parts for value in part.params),
        stable=len(parts) == len(by_id),
    )


def _by_type(links: Iterable[Link]) -> tuple[dict[str, list[Link]], dict[str, list[Link]]]:
    """The links that lead on from each type, and those that lead back from it."""
    forward, backward = dict[str, list[Link]](), dict[str, list[Link]]()
    for link in links:
        if not link.reverse:
            forward.setdefault(link.source, []).append(link)
            continue
        for target in link.targets:
            backward.setdefault(target, []).append(link)
    return forward, backward


def _texts(parameter: Parameter, tree: Node) -> Iterator[str]:
    """The references under the parameter, as they are written."""
    for path in parameter.paths:
        for node in nodes(path, tree):
            text = reference.text_of(node)
            if text is not None and (path.only is None or reference.refers_to(node, path.only)):
                yield text


def _seek(
    step: Sought, wanted: Inclusion, link: Link, key: tuple[str, ...], current: set[tuple[str, str]]
) -> None:
    """Adds what a reference names, by its text without our own address; one to a contained resource has none."""
    if not key:
        return
    (text,) = key
    if by_url(link.parameter):
        for name in link.targets & wanted.access.keys():
            step.urls.setdefault(name, set()).add(text)
        return
    local = _LOCAL.fullmatch(text)
    if local is None or local[1] not in link.targets or local[1] not in wanted.access:
        return
    name, id, version = local.groups()
    if version is not None:
        step.versions.setdefault(name, set()).add((id, int(version)))
    elif (name, id) not in current:
        step.ids.setdefault(name, set()).add(id)


def _by_ids(wanted: Inclusion, name: str, ids: list[str]) -> Predicate:
    access = wanted.access[name]
    sql = (
        "SELECT r.type, r.id, r.version, r.body FROM resource r "
        f"WHERE r.type = %s AND r.id = ANY(%s::text[]) AND NOT r.deleted AND ({access.sql})"
    )
    return Predicate(sql, (RESOURCE_TYPES[name], ids, *access.params))


def _by_urls(wanted: Inclusion, name: str, urls: Iterable[str]) -> Predicate:
    named = tokens(uri.token(f"{name}.url", url.partition("|")[0]) for url in urls)
    return _current([name], named, wanted.access[name])


def _versions(wanted: Inclusion, name: str, versions: list[tuple[str, int]]) -> Predicate:
    """The versions that references name; whoever may not see all of a type is shown those that are current."""
    access = wanted.access[name]
    current = "TRUE" if access == EVERYTHING else "v.version = r.version"
    sql = (
        "SELECT r.type, r.id, v.version, v.body FROM unnest(%s::text[], %s::int[]) AS n(id, version) "
        "JOIN resource r ON r.type = %s AND r.id = n.id AND NOT r.deleted CROSS JOIN LATERAL ("
        "SELECT r.version, r.body UNION ALL SELECT h.version, h.body FROM resource_history h WHERE h.rid = r.rid) v "
        f"WHERE v.version = n.version AND v.body IS NOT NULL AND {current} AND ({access.sql})"
    )
    ids, numbers = [id for id, _ in versions], [number for _, number in versions]
    return Predicate(sql, (ids, numbers, RESOURCE_TYPES[name], *access.params))


def _referring(wanted: Inclusion, referrers: Mapping[Link, set[str]]) -> Iterator[Predicate]:
    """Who refers, of the types seen alike: a query for the Patients they are about, and one for all other references."""
    groups = dict[str, _Referrers]()
    for link, texts in referrers.items():
        access = wanted.access[link.source]
        group = groups.setdefault(repr(access), _Referrers(access))
        for text in texts:
            patient = reference.patient_id(text) if link.parameter.column == "patient" else None
            if patient is None:
                group.tokens.setdefault(link.source, set()).add(reference.token(link.parameter.prefix, text))
            else:
                group.patients.setdefault(link.source, set()).add(patient)
    for group in groups.values():
        if group.patients:
            ids = sorted(set[str]().union(*group.patients.values()))
            yield _current(sorted(group.patients), _about(sorted(group.patients), ids), group.access)
        if group.tokens:
            hashed = set[int]().union(*group.tokens.values())
            yield _current(sorted(group.tokens), tokens(hashed), group.access)


def _about(types: list[str], ids: list[str]) -> Predicate:
    numbers = [RESOURCE_TYPES[name] for name in types]
    patients = "SELECT key FROM patient_key WHERE id = ANY(%s::text[])"
    return Predicate(f"r.type = ANY(%s::smallint[]) AND r.patient = ANY(ARRAY({patients}))", (numbers, ids))


def _current(types: list[str], met: Predicate, access: Predicate) -> Predicate:
    """The query for the current resources of the types that meet what alone has an index worth looking into."""
    sql = (
        f"SELECT r.type, r.id, r.version, r.body FROM (SELECT * FROM resource r WHERE {met.sql} OFFSET 0) r "
        f"WHERE r.type = ANY(%s::smallint[]) AND NOT r.deleted AND ({access.sql})"
    )
    return Predicate(sql, (*met.params, [RESOURCE_TYPES[name] for name in types], *access.params))


def _is_sought(step: Sought, one: Resource, base_url: str) -> bool:
    """Whether the row is there for what it says, and not for a hash that it shares."""
    if one.id in step.ids.get(one.type, ()) or (one.id, one.version) in step.versions.get(one.type, ()):
        return True
    tree = orjson.loads(one.body)
    if any(_is_named(url, tree) for url in step.urls.get(one.type, ())):
        return True
    return any(
        not texts.isdisjoint(
            key for text in _texts(link.parameter, tree) for key in reference.keys(text, base_url)
        )
        for link, texts in step.referrers.items()
        if link.source == one.type
    )


def _is_named(canonical: str, tree: Node) -> bool:
    url, _, version = canonical.partition("|")
    return tree.get("url") == url and version in {"", tree.get("version")}


def _too_many(wanted: Inclusion) -> InvalidSearch:
    name = "_revinclude" if all(link.reverse for link in wanted.links) else "_include"
    text = (
        f"{name} leads to more than {wanted.limit} resources beside the matches of this page. "
        "Include less, or ask for a smaller _count."
    )
    return InvalidSearch(text, name, issues=(Issue("too-costly", text, name),))
