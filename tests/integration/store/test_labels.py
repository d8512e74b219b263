"""Labels in use, as the resources show them that were changed last."""

import pytest

from fhir_server.store import labels
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING, NOTHING
from fhir_server.store.rows import IndexRow


def labelled(type, id, tag):
    tree = {"resourceType": type, "id": id, "meta": {"tag": [{"code": tag}]}}
    return Draft(type, id, tree, IndexRow(), "PUT")


@pytest.fixture
async def three(database):
    """Three resources, the last of which was changed often."""
    for type, id, tag in (("Patient", "p", "oldest"), ("Basic", "b", "older"), ("Device", "d", "newest")):
        await database.create_all([labelled(type, id, tag)])
    for _ in range(5):
        async with database.transaction() as work:
            await work.update(labelled("Device", "d", "newest"), await work.lock("Device", "d"))


@pytest.mark.parametrize(
    ("most", "codes"), [(3, ("newest", "older", "oldest")), (2, ("newest", "older")), (1, ("newest",))]
)
async def test_a_resource_that_is_changed_often_counts_once(database, three, most, codes):
    async with database.connection() as connection:
        count, (_, tags, _) = await labels.in_use(connection, None, EVERYTHING, most)

    assert count == len(codes)
    assert sorted(codes) == [code for code in ("newest", "older", "oldest") if f'"{code}"' in tags]


async def test_what_a_caller_may_not_see_is_not_looked_at(database, three):
    async with database.connection() as connection:
        for type in ("Device", None):
            assert await labels.in_use(connection, type, NOTHING, 3) == (0, (None, None, None))
