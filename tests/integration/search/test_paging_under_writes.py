"""Pages walked while others write: what was there throughout is seen once, whatever comes, changes and goes."""

import asyncio
from itertools import count

import pytest

from fhir_server.json import dumps, parse
from fhir_server.search.index import index
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from tests.integration.search.conftest import searchset

DATES = ("2026-01-01T00:00:00Z", None, "2026-01-02T00:00:00Z", None, "2026-01-01", "2025")
FAMILY = (None, None, None, "Weber", "Meier")


def observed(id: str, n: int, note: str = "first") -> dict:
    """The n-th of a series in which dates, categories and components are equal or missing more often than not."""
    given = {
        "resourceType": "Observation",
        "id": id,
        "status": ("final", "amended")[n % 2],
        "code": {"coding": [{"system": "http://loinc.org", "code": str(n % 3)}]},
        "subject": {"reference": "Patient/p1"},
        "category": [{"coding": [{"code": "x"}]}] if n % 4 == 0 else None,
        "effectiveDateTime": DATES[n % 6],
        "component": [{"code": {"text": "c"}, "valueQuantity": {"value": n % 3}}] if n % 5 == 0 else None,
        "note": [{"text": note}],
    }
    return {name: value for name, value in given.items() if value is not None}


def drafted(resource: dict) -> Draft:
    tree = parse(dumps(resource))
    return Draft(tree["resourceType"], tree["id"], tree, index(tree["resourceType"], tree), "PUT")


class Writer:
    """Creates, updates and deletes: `noted` keep what they are sorted by, `moved` do not, `gone` go."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.rounds = 0
        self._ended = asyncio.Event()

    async def write(self) -> None:
        """Writes until it is cancelled, which happens between two rounds or within one."""
        for n in count():
            async with self.database.transaction() as work:
                for resource in (
                    observed(f"noted{n % 20:02}", n % 20, f"note {n}"),
                    observed(f"moved{n % 20:02}", n // 20),
                ):
                    await work.update(drafted(resource), await work.lock("Observation", resource["id"]))
                if n < 20:
                    await work.delete(await work.lock("Observation", f"gone{n:02}"))
            await self.database.create_all(
                [drafted(observed(f"new{n:05}", n)), drafted(observed(f"a{n:05}", n))]
            )
            self.rounds += 1
            self._ended.set()

    async def another_round(self) -> None:
        """Returns when a round has ended since."""
        self._ended.clear()
        await asyncio.wait_for(self._ended.wait(), 10)


async def walk(database: Database, sort: str, writer: Writer) -> list[str]:
    """The ids of every page, with something written before each."""
    ids, pairs = [], (("_sort", sort), ("_count", "11"))
    while pairs:
        await writer.another_round()
        found = await searchset(database, "Observation", pairs)
        ids += found.ids
        pairs = found.next
    return ids


@pytest.mark.parametrize(
    "sort",
    [
        "_id",
        "-date",
        "status,-date",
        "category,-component-value-quantity,date",
        "-component-value-quantity",
        "-_lastUpdated",
    ],
)
async def test_what_is_there_throughout_is_seen_exactly_once(database, sort):
    series = ("kept", "noted", "moved", "gone")
    await database.create_all([drafted(observed(f"{name}{n:02}", n)) for n in range(20) for name in series])
    writer = Writer(database)
    writing = asyncio.create_task(writer.write())
    try:
        ids = await walk(database, sort, writer)
    finally:
        writing.cancel()
        await asyncio.wait([writing])

    steady = ("kept",) if "_lastUpdated" in sort else ("kept", "noted")
    throughout = [f"{name}{n:02}" for name in steady for n in range(20)]
    assert sorted(id for id in ids if id.startswith(steady)) == sorted(throughout)
    assert writer.rounds > 5


async def test_patients_without_the_name_they_are_sorted_by_are_paged_through_while_others_come(database):
    def patient(id, n):
        name = {"name": [{"family": FAMILY[n % 5]}]} if FAMILY[n % 5] else {}
        return drafted({"resourceType": "Patient", "id": id, **name})

    await database.create_all([patient(f"kept{n:02}", n) for n in range(40)])
    ids, pairs = [], (("_sort", "-family,given"), ("_count", "6"))
    for n in count():
        found = await searchset(database, "Patient", pairs)
        ids += found.ids
        pairs = found.next
        if not pairs:
            break
        await database.create_all([patient(f"new{n:02}{each}", each) for each in range(5 if n < 10 else 0)])

    assert sorted(id for id in ids if id.startswith("kept")) == [f"kept{n:02}" for n in range(40)]
    assert len(ids) == len(set(ids))


async def test_a_resource_of_several_types_that_is_changed_between_pages_is_seen_once(database):
    async def changed(id):
        async with database.transaction() as work:
            await work.update(drafted(observed(id, 0, "changed")), await work.lock("Observation", id))

    ids = [f"kept{n:02}" for n in range(20)]
    await database.create_all([drafted(observed(id, 0)) for id in ids])
    seen, pairs = [], (("_type", "Observation,Patient"), ("_count", "6"))
    while pairs:
        found = await searchset(database, "", pairs)
        seen += found.ids
        pairs = found.next
        for id in ids:
            await changed(id)

    assert sorted(seen) == ids
