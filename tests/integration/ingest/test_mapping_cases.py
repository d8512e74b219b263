"""The table tests/data/mapping-cases.yaml, sent over HTTP by signed devices and read back from PostgreSQL."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import yaml

from fhir_server.store.devices.admissions import DeviceAdmissions
from fhir_server.store.predicate import EVERYTHING
from fhir_server.store.resources import read
from ingest.gateway import Gateway

CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "data" / "mapping-cases.yaml").read_text(encoding="utf-8")
)
RECEIVED = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)
OF_MESSAGE = {"timestamp", "patient", "sequence"}


def body(case):
    """The case as a reading in JSON text, each number as the table writes it."""
    stamp = int((RECEIVED - timedelta(seconds=case.get("age", 0))).timestamp())
    members = [f'"timestamp": {case.get("timestamp", stamp)}']
    members += [f'"{name}": {json.dumps(case[name])}' for name in ("sequence", "patient") if name in case]
    return "{" + ", ".join([*members, f'"data": {data(case)}']) + "}"


def data(case):
    units = case.get("units")
    if not units:
        return case["fields"]
    fields = json.loads(case["fields"], parse_float=Decimal)
    measures = [
        f"{json.dumps(name)}: "
        + (f'{{"value": {value}, "unit": {json.dumps(units[name])}}}' if name in units else str(value))
        for name, value in fields.items()
    ]
    alone = [
        f'{json.dumps(name)}: {{"unit": {json.dumps(units[name])}}}' for name in units.keys() - fields.keys()
    ]
    return "{" + ", ".join(measures + alone) + "}"


def element(name):
    return name if name in OF_MESSAGE else "data" if name == "fields" else f"data.{name}"


def shown(resource):
    code = resource["code"]["coding"][0]["code"]
    if "result" in resource:
        return {"code": code, "results": len(resource["result"])}
    if "component" in resource:
        return {"code": code, "components": [shown(each) for each in resource["component"]]}
    if "hasMember" in resource:
        return {"code": code, "members": len(resource["hasMember"])}
    if "valueCodeableConcept" in resource:
        return {"code": code, "answer": resource["valueCodeableConcept"]["coding"][0]["code"]}
    value = resource["valueQuantity"]
    return {"code": code, "value": str(value["value"]), "unit": value["code"]}


async def resources(clinic, result):
    found = []
    async with clinic.database.connection() as connection:
        for reference in result["references"]:
            type, _, id = reference.partition("/")
            version = await read(connection, type, id, EVERYTHING)
            found.append(json.loads(version.body, parse_float=Decimal))
    return found


async def became(clinic, device, case):
    answer = await device.readings(body(case).encode())
    (result,) = answer.json()["results"]
    issues = result.get("outcome", {"issue": []})["issue"]
    if result["status"] == "rejected":
        return sorted(
            (each["code"], each.get("expression", [None])[0])
            for each in issues
            if each["severity"] == "error"
        )
    warned = [each["expression"][0] for each in issues]
    return [shown(each) for each in await resources(clinic, result)], warned


def expected(case):
    if case["status"] == "rejected":
        return sorted((issue["code"], element(issue["element"])) for issue in case["issue"])
    return case["expect"], [element(each) for each in case.get("warnings", [])]


async def test_every_row_of_the_table_holds_over_http(clinic):
    gateway = Gateway(
        clinic.pipeline(), DeviceAdmissions(clinic.database, rate=50, burst=200), lambda: RECEIVED
    )
    worker = await clinic.worker(gateway)
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    different = {}
    for case in CASES:
        made = await clinic.device(case["profile"], start=long_ago, client=worker)
        device = replace(made, clock=RECEIVED.timestamp)
        found = await became(clinic, device, case)
        if found != expected(case):
            different[case["name"]] = (found, expected(case))
    assert different == {}
