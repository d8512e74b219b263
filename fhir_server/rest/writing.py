"""Create, update, delete and their conditional forms over HTTP.

https://hl7.org/fhir/R4/http.html#create
"""

from dataclasses import replace

from fhir_server.interactions import conditional
from fhir_server.interactions import delete as deletion
from fhir_server.interactions.create import create as create_new
from fhir_server.interactions.create import create_alone
from fhir_server.interactions.update import demand_id
from fhir_server.interactions.update import update as update_known
from fhir_server.interactions.written import Written
from fhir_server.rest.answer import Answer
from fhir_server.rest.binary import written_draft
from fhir_server.rest.call import Call
from fhir_server.rest.demands import condition, criteria, if_none_exist, query, transactions
from fhir_server.rest.resource_answer import deleted_answer, written_answer
from fhir_server.rest.told import readable
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING


async def create(call: Call) -> Answer:
    """201 with the new resource; with If-None-Exist 200 and the one that matches already."""
    draft = await written_draft(call, method="POST")
    header = call.request.header(b"if-none-exist")
    if header is None:
        return await answered(call, await _created(call, draft))
    found = query(call, if_none_exist(header, call.target.type))
    return await answered(call, await conditional.create(transactions(call), draft, found))


async def update(call: Call) -> Answer:
    """200 with the next version, 201 when it is the first one or the first after a deletion."""
    draft = await written_draft(call, id=call.target.id, method="PUT")
    demand_id(draft.type, draft.id, draft.tree.get("id"))
    return await answered(call, await update_known(transactions(call), draft, call.access, condition(call)))


async def conditional_update(call: Call) -> Answer:
    """200 with the next version of the one match, 201 when there is none."""
    draft = await written_draft(call, method="PUT")
    given = draft.tree.get("id")
    given_id = given if isinstance(given, str) else None
    draft = draft if given_id is None else replace(draft, id=given_id)
    written = await conditional.update(
        transactions(call), draft, given_id, query(call, criteria(call)), call.access, condition(call)
    )
    return await answered(call, written)


async def delete(call: Call) -> Answer:
    """204, also when there was nothing."""
    target = call.target
    version = await deletion.delete(transactions(call), target.type, target.id, call.access, condition(call))
    return deleted_answer(call, version)


async def conditional_delete(call: Call) -> Answer:
    """204 when one or none matches."""
    version = await conditional.delete(
        transactions(call), call.target.type, query(call, criteria(call)), call.access, condition(call)
    )
    return deleted_answer(call, version)


async def answered(call: Call, written: Written) -> Answer:
    """The answer to a write, which tells what was written to those who may read it."""
    return written_answer(call, written, await readable(call, [written.version]))


async def _created(call: Call, draft: Draft) -> Written:
    """Gathered with others where nothing is to be judged but the draft by itself."""
    judged = call.house.settings.reference_integrity == "on" or draft.apart is not None
    if call.access == EVERYTHING and not judged:
        return await _gathered(call, draft)
    return await create_alone(transactions(call), draft)


async def _gathered(call: Call, draft: Draft) -> Written:
    if not call.house.audit.keeps:
        return await create_new(call.house.gather, draft)
    await call.house.audit.be_ready()
    record = call.trail.made("create", draft.type, draft.id, 1, draft.index.patient)
    written = await create_new(call.house.gather, draft, record)
    call.trail.kept.add((draft.type, draft.id, 1))
    return written
