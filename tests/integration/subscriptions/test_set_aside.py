"""A change that cannot be held against subscriptions is set aside: everyone else is told, and it can be found."""

import pytest
import structlog
from prometheus_client import REGISTRY

from fhir_server.definitions.types import RESOURCE_TYPES
from smart_auth.principal import Patients, Principal
from tests.integration.subscriptions.leading import delete, events, leading, put, subscribe, watching


def patient(id):
    return {"resourceType": "Patient", "id": id, "name": [{"family": "Canary"}]}


async def set_aside(database):
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT s.id, a.type, a.id, a.version, split_part(a.reason, ' ', 1) FROM subscription_set_aside a"
            " LEFT JOIN subscription s ON s.key = a.subscription ORDER BY 1, 3"
        )
        return await cursor.fetchall()


async def sabotaged(database, id, sql):
    async with database.connection() as connection:
        await connection.execute(sql, (id,))


def counted(name):
    return REGISTRY.get_sample_value(name) or 0.0


@pytest.mark.item("sub-G1")
async def test_a_version_that_cannot_be_read_stops_nobody_and_is_found_under_a_name(database):
    await subscribe(database, "s", watching("Patient"))
    leader = await leading(database)
    before = counted("fhir_subscription_changes_set_aside_total"), counted("fhir_subscription_events_total")
    await put(database, patient("a"), patient("broken"), patient("b"))
    await sabotaged(database, "broken", "UPDATE resource SET body = '[1]' WHERE id = %s")
    with structlog.testing.capture_logs() as logged:
        await leader.step()
    assert [id for _, _, id, _ in await events(database, "s")] == ["a", "b"]
    assert await set_aside(database) == [(None, RESOURCE_TYPES["Patient"], "broken", 1, "AttributeError")]
    assert counted("fhir_subscription_changes_set_aside_total") == before[0] + 1
    assert counted("fhir_subscription_events_total") == before[1] + 2
    assert [(line["event"], line["type"]) for line in logged] == [("change set aside", "Patient")]


class Unmatched:
    """A plan that nothing can be held against."""

    def __getattr__(self, name):
        raise RuntimeError(name)


async def test_a_criterion_that_fails_keeps_its_subscription_from_nothing_else_and_others_from_nothing(
    database,
):
    for id in ("fails", "works"):
        await subscribe(database, id, watching("Patient"))
    leader = await leading(database)
    await leader.step()
    (watch, _) = leader._known._watches._kept[1][0]
    object.__setattr__(watch, "plan", Unmatched())
    await put(database, patient("a"))
    await leader.step()
    assert (await events(database, "works"), await events(database, "fails")) == ([(1, "create", "a", 1)], [])
    assert [(row[0], row[2], row[4]) for row in await set_aside(database)] == [("fails", "a", "RuntimeError")]


class Unjudgeable:
    """Standings by which what the owner `broken` may see is no condition that PostgreSQL takes."""

    async def of(self, connection, owners):
        return [of("a\x00") if one.subject == "broken" else one for one in owners]


def of(patient, subject="a"):
    reach = Patients(frozenset({patient}))
    return Principal(subject, frozenset({"patient/*.cruds"}), patient=patient, reach=reach)


async def test_whoever_cannot_be_judged_is_told_nothing_and_others_are(database):
    await subscribe(database, "mine", watching("Patient"), owner=of("a"))
    await subscribe(database, "broken", watching("Patient"), owner=of("a", "broken"))
    leader = await leading(database, Unjudgeable())
    await put(database, patient("a"))
    await leader.step()
    assert (await events(database, "mine"), await events(database, "broken")) == ([(1, "create", "a", 1)], [])
    assert [(row[0], row[2], row[4]) for row in await set_aside(database)] == [("broken", "a", "DataError")]


async def test_a_subscription_that_cannot_be_read_is_off_soon_and_stops_nobody(database):
    for id in ("broken", "works"):
        await subscribe(database, id, watching("Patient"))
    await sabotaged(database, "broken", "UPDATE subscription SET owner = '[]' WHERE id = %s")
    leader = await leading(database)
    await put(database, patient("a"))
    await leader.step()
    assert await events(database, "works") == [(1, "create", "a", 1)]
    assert list(leader._known.unreadable) == ["broken"]


def reading(id, patient="p", code="8867-4", **more):
    coded = {"coding": [{"system": "http://loinc.org", "code": code}]}
    about = {"subject": {"reference": f"Patient/{patient}"}}
    return {"resourceType": "Observation", "id": id, "status": "final", "code": coded, **about, **more}


async def test_what_nobody_asked_for_by_what_it_is_found_by_is_passed_unread(database):
    asked = ("patient=Patient/q", "code=http://loinc.org|8310-5", "status=amended", "identifier=u|1", "_id=e")
    await subscribe(database, "s", *(watching("Observation", one) for one in asked))
    leader = await leading(database)
    await put(
        database,
        reading("broken"),
        reading("a", patient="q"),
        reading("b", code="8310-5"),
        reading("c", status="amended"),
        reading("d", identifier=[{"system": "u", "value": "1"}]),
        reading("e"),
    )
    await sabotaged(database, "broken", "UPDATE resource SET body = '[1]' WHERE id = %s")
    await leader.step()
    assert [id for _, _, id, _ in await events(database, "s")] == ["a", "b", "c", "d", "e"]
    assert await set_aside(database) == []


async def test_where_the_index_may_be_of_another_form_everything_is_read(database):
    await subscribe(database, "s", watching("Observation", "patient=Patient/q"))
    leader = await leading(database)
    await put(database, reading("broken"))
    await sabotaged(database, "broken", "UPDATE resource SET body = '[1]' WHERE id = %s")
    async with database.connection() as connection:
        await connection.execute("UPDATE search_index SET version = version - 1")
    await leader.step()
    assert [row[2] for row in await set_aside(database)] == ["broken"]


async def test_an_earlier_version_is_judged_by_itself_and_not_by_what_the_resource_is_found_by_now(database):
    await subscribe(database, "s", watching("Observation", "patient=Patient/q"))
    leader = await leading(database)
    await put(database, reading("a", patient="q"))
    await put(database, reading("a", patient="p"))
    await put(database, reading("b", patient="q"))
    await delete(database, "Observation", "b")
    await leader.step()
    assert [(id, version) for _, _, id, version in await events(database, "s")] == [("a", 1), ("b", 1)]
