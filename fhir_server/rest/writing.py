"""Create, update, delete and their conditional forms over HTTP.

https://hl7.org/fhir/R4/http.html#create
"""

from dataclasses import replace
from urllib.parse import urlencode

from fhir_server.errors import InvalidRequest, InvalidSearch
from fhir_server.interactions import conditional
from fhir_server.interactions import delete as deletion
from fhir_server.interactions.condition import UNCONDITIONAL, Condition
from fhir_server.interactions.conditional import Query
from fhir_server.interactions.create import create as create_new
from fhir_server.interactions.update import update as update_known
from fhir_server.interactions.write import prepare
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.rest.etags import versions
from fhir_server.rest.request import pairs
from fhir_server.rest.resource_answer import deleted_answer, written_answer
from fhir_server.search.access import predicate
from fhir_server.store.drafts import Draft

_OWN = ("_format", "_pretty")


async def create(call: Call) -> Answer:
    """201 with the new resource; with If-None-Exist 200 and the one that matches already."""
    draft = prepare(call.target.type, call.body, method="POST", base_url=call.request.base)
    condition = call.request.header(b"if-none-exist")
    if condition is None:
        return written_answer(call, await create_new(call.house.gather, draft))
    query = _query(call, _if_none_exist(condition, call.target.type))
    return written_answer(call, await conditional.create(call.house.database, draft, query))


async def update(call: Call) -> Answer:
    """200 with the next version, 201 when it is the first one or the first after a deletion."""
    draft = prepare(call.target.type, call.body, id=call.target.id, method="PUT", base_url=call.request.base)
    _check_id(draft)
    return written_answer(call, await update_known(call.house.database, draft, call.access, _condition(call)))


async def conditional_update(call: Call) -> Answer:
    """200 with the next version of the one match, 201 when there is none."""
    draft = prepare(call.target.type, call.body, method="PUT", base_url=call.request.base)
    given = draft.tree.get("id")
    given_id = given if isinstance(given, str) else None
    draft = draft if given_id is None else replace(draft, id=given_id)
    written = await conditional.update(
        call.house.database, draft, given_id, _query(call, _criteria(call)), call.access, _condition(call)
    )
    return written_answer(call, written)


async def delete(call: Call) -> Answer:
    """204, also when there was nothing."""
    target = call.target
    version = await deletion.delete(
        call.house.database, target.type, target.id, call.access, _condition(call)
    )
    return deleted_answer(call, version)


async def conditional_delete(call: Call) -> Answer:
    """204 when one or none matches."""
    version = await conditional.delete(
        call.house.database, call.target.type, _query(call, _criteria(call)), call.access, _condition(call)
    )
    return deleted_answer(call, version)


def _check_id(draft: Draft) -> None:
    given = draft.tree.get("id")
    if given is None:
        raise InvalidRequest(
            f"The body has no id. Put {draft.id!r} there, as the address says.", f"{draft.type}.id"
        )
    if given != draft.id:
        raise InvalidRequest(
            f"The body's id is {given!r}, the address says {draft.id!r}. Make them the same.",
            f"{draft.type}.id",
        )


def _condition(call: Call) -> Condition:
    match = call.request.header(b"if-match")
    none_match = call.request.header(b"if-none-match")
    if match is None and none_match is None:
        return UNCONDITIONAL
    return Condition(
        match=None if match is None else versions(match, "If-Match"),
        none_match=None if none_match is None else versions(none_match, "If-None-Match"),
    )


def _query(call: Call, text: str) -> Query:
    return Query(text, predicate(call.principal, call.target.type, "search"), call.request.base)


def _criteria(call: Call) -> str:
    query = urlencode([(name, value) for name, value in call.request.pairs if name not in _OWN])
    if not query:
        raise InvalidSearch(
            "A conditional interaction needs search parameters that name one resource. Add them."
        )
    return query


def _if_none_exist(header: str, resource_type: str) -> str:
    path, question, query = header.partition("?")
    if question and path.rstrip("/").rsplit("/", 1)[-1] not in ("", resource_type):
        raise InvalidRequest(
            f"If-None-Exist searches {path[:80]!r}, not {resource_type}. Leave the path out."
        )
    query = query if question else header
    if not pairs(query.encode("latin-1")):
        raise InvalidSearch("If-None-Exist is empty. Send search parameters that name one resource.")
    return query
