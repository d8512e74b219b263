"""Readings that say more of a moment, or later of a time that is not over."""

import asyncio
import json
from datetime import UTC, datetime, timedelta


def ago(seconds: float = 0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def results(answer):
    return answer.json()["results"]


async def panel(clinic):
    """The panel of vital signs, of which there is one."""
    found = await clinic.scalar(
        "SELECT min(body::text) FROM resource WHERE body ? 'hasMember' AND body -> 'code' @> '{}' HAVING count(*) = 1"
    )
    return json.loads(found)


async def test_what_comes_later_of_a_moment_joins_its_panel_and_what_was_there_stays(clinic):
    monitor = await clinic.device("bedside-monitor")
    time = ago(5)
    sent = [
        {"heartRate": 70, "spo2": 97},
        {"heartRate": 70, "spo2": 97, "respiratoryRate": 14},
        {"spo2": 97, "heartRate": 70},
        {"temperature": 36.8, "heartRate": 70},
    ]
    answers = [results(await monitor.readings({"timestamp": time, "data": data}))[0] for data in sent]
    assert [each["status"] for each in answers] == ["created", "amended", "unchanged", "amended"]
    found = await panel(clinic)
    assert (found["status"], found["meta"]["versionId"]) == ("amended", "3")
    rate, spo2, first = answers[0]["references"]
    breaths, heat = answers[1]["references"][2], answers[3]["references"][0]
    assert [each["reference"] for each in found["hasMember"]] == [rate, spo2, breaths, heat]
    assert first == f"Observation/{found['id']}"
    assert (await clinic.resource(rate))["meta"]["versionId"] == "1"


async def test_parts_of_one_moment_that_come_at_once_make_one_panel(clinic):
    monitor = await clinic.device("bedside-monitor")
    time, rate = ago(5), {"heartRate": 70}
    parts = [rate | {"spo2": 97}, rate | {"respiratoryRate": 14}, rate | {"temperature": 36.8}]
    await asyncio.gather(*(monitor.readings({"timestamp": time, "data": each}) for each in parts))
    assert len((await panel(clinic))["hasMember"]) == 4


async def test_another_value_beside_an_addition_rejects_the_reading_whole(clinic):
    monitor = await clinic.device("bedside-monitor")
    time = ago(5)
    await monitor.readings({"timestamp": time, "data": {"heartRate": 70, "spo2": 97}})
    other = {"heartRate": 71, "spo2": 97, "respiratoryRate": 14}
    (result,) = results(await monitor.readings({"timestamp": time, "data": other}))
    assert (result["status"], result["outcome"]["issue"][0]["code"]) == ("rejected", "conflict")
    assert len((await panel(clinic))["hasMember"]) == 2


async def test_a_mean_that_comes_after_its_pressures_is_added_to_them(clinic):
    cuff = await clinic.device("bedside-monitor")
    time, pressure = ago(5), {"systolic": 120, "diastolic": 80}
    sent = [pressure, pressure | {"mean": 93}, {"diastolic": 80, "systolic": 120}]
    answers = [results(await cuff.readings({"timestamp": time, "data": data}))[0] for data in sent]
    assert [each["status"] for each in answers] == ["created", "amended", "unchanged"]
    stored = await clinic.resource(answers[0]["references"][0])
    assert [each["valueQuantity"]["value"] for each in stored["component"]] == [120, 80, 93]


def steps(count, start, hours=24.0, **more):
    return {"timestamp": start, "duration": hours * 3600, "data": {"stepsPerDay": count}, **more}


async def test_the_day_that_is_not_over_is_preliminary_until_a_later_message(clinic):
    watch = await clinic.device("activity-tracker")
    start = ago(3600)
    first = results(await watch.readings(steps(1000, start)))[0]
    second = results(await watch.readings(steps(1500, start)))[0]
    again = results(await watch.readings(steps(1500, start, quality="good")))[0]
    assert [each["status"] for each in (first, second, again)] == ["created", "amended", "unchanged"]
    stored = await clinic.resource(first["references"][0])
    assert (stored["status"], stored["valueQuantity"]["value"]) == ("preliminary", 1500)


async def test_what_is_longer_than_a_day_is_sent_when_it_is_over(clinic):
    watch = await clinic.device("activity-tracker")
    (result,) = results(await watch.readings(steps(1000, ago(3600), 26.0)))
    assert (result["status"], result["outcome"]["issue"][0]["expression"]) == ("rejected", ["duration"])
