"""Reads that share a statement."""

import asyncio

from fhir_server.json import JsonObject
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.rows import IndexRow


async def test_readers_at_once_each_get_their_own_resource(database: Database):
    async with database.transaction() as work:
        for number in range(20):
            tree: JsonObject = {"resourceType": "Observation", "status": "final"}
            await work.create(Draft("Observation", f"o{number}", tree, IndexRow(patient=f"p{number}"), "PUT"))
        await work.create(Draft("Device", "o1", {"resourceType": "Device"}, IndexRow(), "PUT"))
        locked = await work.lock("Observation", "o2")
        assert locked is not None
        gone = await work.delete(locked)
    keys = [("Observation", f"o{number}") for number in range(20)]
    keys += [("Device", "o1"), ("Observation", "nowhere"), ("Observation", "o1")]

    found = await asyncio.gather(*(database.current(type, id) for type, id in keys))

    said = [one and (one.type, one.id, one.patient, one.version) for one in found]
    assert said[:2] == [("Observation", "o0", "p0", 1), ("Observation", "o1", "p1", 1)]
    assert said[3:20] == [("Observation", f"o{number}", f"p{number}", 1) for number in range(3, 20)]
    assert said[20:] == [("Device", "o1", None, 1), None, ("Observation", "o1", "p1", 1)]
    assert found[2] is not None
    assert (found[2].deleted, found[2].version) == (True, gone.version)
    assert found[0] is not None
    assert b'"status": "final"' in (found[0].body or b"")
