"""How far work in the background has come, and its end before its time.

https://hl7.org/fhir/R4/async.html
"""

from fhir_server.clock import instant
from fhir_server.errors import Conflict, NotFound
from fhir_server.json import JsonObject, JsonValue, dumps
from fhir_server.rest.answer import Answer
from fhir_server.rest.call import Call
from fhir_server.store import jobs
from fhir_server.store.jobs import Failure, Job


async def status(call: Call) -> Answer:
    """202 with X-Progress while it goes on, 200 with what came of it afterwards."""
    async with call.house.database.connection() as connection:
        job = await _known(connection, call.target.id)
    if job.ended_already:
        return Answer(200, dumps(_told(job)))
    progress = "queued" if job.state == "queued" else f"{job.done} of {job.total}"
    return Answer(202, dumps(_told(job)), ((b"x-progress", progress.encode()), (b"retry-after", b"1")))


async def cancel(call: Call) -> Answer:
    """202; whoever works on it leaves it, and what was done stays done. Raises Conflict when it has ended by itself."""
    async with call.house.database.connection() as connection:
        job = await jobs.cancel(connection, call.target.id)
        if job is None:
            ended = await _known(connection, call.target.id)
            raise Conflict(f"The job {ended.id} has {ended.state} already. Nothing is left to be cancelled.")
    return Answer(202, dumps(_told(job)))


async def _known(connection: jobs.Connection, id: str) -> Job:
    """The job. Raises NotFound where there is none, and when it was cancelled."""
    job = await jobs.read(connection, id)
    if job is None or job.state == "cancelled":
        raise NotFound(f"No job {id[:64]!r} is known here, or it was cancelled. Ask for a new one.")
    return job


def _told(job: Job) -> JsonObject:
    values: list[JsonValue] = [
        {"name": "state", "valueCode": job.state},
        {"name": "kind", "valueCode": job.kind},
        {"name": "created", "valueInstant": instant(job.created)},
        {"name": "done", "valueInteger": job.done},
        {"name": "total", "valueInteger": job.total},
        {"name": "failed", "valueInteger": len(job.failures)},
    ]
    if job.ended is not None:
        values.append({"name": "ended", "valueInstant": instant(job.ended)})
    if job.error is not None:
        values.append({"name": "error", "valueString": job.error})
    return {"resourceType": "Parameters", "parameter": values + [_failure(one) for one in job.failures]}


def _failure(failure: Failure) -> JsonValue:
    return {
        "name": "failure",
        "part": [
            {"name": "resource", "valueReference": {"reference": failure.reference}},
            {"name": "reason", "valueString": failure.reason},
        ],
    }
