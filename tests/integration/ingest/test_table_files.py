"""Tables and Bundles brought as files: what is stored of each row and entry, and that bringing them again changes nothing."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fhir_server.interactions import device_registry
from fhir_server.interactions.ingest_gateway import intake, pipeline
from ingest.files.bringing import incoming, paths, told_apart
from ingest.files.format import Saying
from ingest.retry import retry
from mappers.declaration import parse
from mappers.profiles import with_own
from tests.data.real_input import FOLDER, needs_real_input

TYPE = """
version: "1"
text: Wrist oximeter with an export
source: recording
fields:
  spo2: {metric: oxygen-saturation, unit: "%"}
  pulse: {metric: pulse-rate-oximeter, unit: /min}
tables:
  export:
    missing: {"--": unknown}
    time: {columns: [Time], format: "%Y-%m-%d %H:%M:%S"}
    columns: {SpO2: {field: spo2}, Pulse: {field: pulse}}
"""
TYPES = with_own([("wrist-oximeter", parse(TYPE, "wrist-oximeter.yaml"))])
NOW = datetime.now(UTC)
PHD = "phd-74E8FFFEFF051C00.001C05FFE874"


async def taken(clinic, path, device, *, patient=None, mapping=None):
    taking = intake(clinic.database, clinic.master_key, TYPES)
    saying = Saying(timezone(timedelta(hours=1)), patient, mapping)
    origin = await taking.origin(device, datetime.now(UTC), saying)
    brought = told_apart([incoming(name, each, 10**9) for name, each in paths(path)])
    (summary,) = await taking.take_all(brought, origin, vouched=True)
    return summary


@pytest.fixture
async def wrist(clinic):
    return await device_registry.register(
        clinic.database,
        clinic.master_key,
        name="wrist-1",
        profile="wrist-oximeter",
        patient="p1",
        start=datetime(2020, 1, 1, tzinfo=UTC),
        profiles=TYPES,
    )


def table(tmp_path, *rows):
    path = tmp_path / "Export.CSV"
    path.write_text("\n".join(("Time,SpO2,Pulse", *rows)), encoding="utf-8")
    return path


@pytest.mark.usefixtures("wrist")
async def test_each_good_row_is_stored_and_each_bad_one_kept_with_its_row_and_column(clinic, tmp_path):
    path = table(
        tmp_path,
        "2026-02-01 08:00:00,97,61",
        "2026-02-01 08:01:00,970,61",
        "yesterday,97,61",
        "2026-02-01 08:02:00,--,62",
    )
    made = await taken(clinic, path, "wrist-1")
    waiting = await clinic.pipeline().dead_letters.waiting()

    assert made.counts == {"created": 2, "rejected": 2}
    assert await clinic.observations() == 4
    stored = await clinic.resource(made.references[0])
    assert stored["effectiveDateTime"] == "2026-02-01T08:00:00+01:00"
    assert [each.letter.issues[0].element for each in waiting] == ["SpO2", "Time"]
    assert [json.loads(each.letter.payload)["where"] for each in waiting] == ["row 3", "row 4"]
    again = pipeline(clinic.database, clinic.master_key, TYPES)
    for kept in waiting:
        assert (await retry(again, kept, lambda: NOW)).status == "rejected"


@pytest.mark.usefixtures("wrist")
async def test_a_table_with_a_row_more_stores_that_row(clinic, tmp_path):
    rows = ["2026-02-01 08:00:00,97,61"]
    await taken(clinic, table(tmp_path, *rows), "wrist-1")
    made = await taken(clinic, table(tmp_path, *rows, "2026-02-01 08:01:00,96,61"), "wrist-1")

    assert made.counts == {"unchanged": 1, "created": 1}
    assert await clinic.observations() == 4


@pytest.mark.usefixtures("wrist")
async def test_a_table_that_breaks_halfway_stores_the_rows_before(clinic, tmp_path):
    made = await taken(
        clinic, table(tmp_path, "2026-02-01 08:00:00,97,61", '2026-02-01 08:01:00,"96'), "wrist-1"
    )

    assert made.counts == {"created": 1}
    assert "row 3 is broken" in (made.error or "")
    assert await clinic.observations() == 2


async def test_a_type_without_a_table_says_so(clinic, wrist, tmp_path):
    await clinic.device("pulse-oximeter", name="plain-1")
    path = table(tmp_path, "2026-02-01 08:00:00,97,61")
    unknown = await taken(clinic, path, wrist.name, mapping="other")
    none = await taken(clinic, path, "plain-1")

    assert "mapping 'other' is no table of wrist-oximeter" in (unknown.error or "")
    assert "declares no table" in (none.error or "")


@needs_real_input
async def test_the_stream_of_the_guide_is_stored_entry_by_entry_and_again_changes_nothing(clinic, tmp_path):
    await clinic.device(
        "pulse-oximeter", name=PHD, patient="patientExample-1", start=datetime(2018, 1, 1, tzinfo=UTC)
    )
    content = (FOLDER / "phd" / "bundle-continuousnonin.json").read_bytes()
    for number, text in enumerate((content, content + b"\n")):
        path = tmp_path / f"stream-{number}.json"
        path.write_bytes(text)
        made = await taken(clinic, path, PHD)

        assert made.counts == {("created", "unchanged")[number]: 47}, made.said
        assert await clinic.observations() == 47
