"""WFDB records and the folder of a ResMed card, brought and stored."""

from datetime import UTC, datetime

import pytest

from fhir_server.interactions.ingest_gateway import intake
from fhir_server.store.blobs.folder import FolderBlobs
from ingest.errors import TooLarge
from ingest.files.bringing import incoming, paths, told_apart
from ingest.files.format import Saying
from tests.data import wfdb_record
from tests.data.real_input import FOLDER, needs_real_input
from tests.data.resmed_card import card
from tests.data.resmed_session import FLOW, events, session
from tests.data.wfdb_record import written


async def taken(clinic, folder, device, **said):
    """The summaries of everything in the folder, by name."""
    taking = intake(clinic.database, clinic.master_key)
    origin = await taking.origin(device, datetime.now(UTC), Saying(UTC, "p1", **said))
    brought = told_apart([incoming(name, each, 10**9) for name, each in paths(folder)])
    return {each.name: each for each in await taking.take_all(brought, origin, vouched=True)}


async def test_the_files_of_a_record_are_one_recording(clinic, tmp_path):
    written(tmp_path)
    await clinic.device("ecg-monitor", name="holter-1", patient=None)
    (made,) = (await taken(clinic, tmp_path, "holter-1")).values()

    assert (made.name, made.format, made.statuses) == ("r1.hea", "wfdb", ("created",)), made.said
    stored = [await clinic.resource(each) for each in made.references]
    codes = [each["code"]["coding"][0]["code"] for each in stored]
    assert codes == ["ecg-beats", "8867-4", "131328", "ecg-beat", "ecg-beat", "recording-event", "11524-6"]


async def test_a_record_brought_again_changes_nothing(clinic, tmp_path):
    files = written(tmp_path)
    await clinic.device("ecg-monitor", name="holter-1", patient=None)
    await taken(clinic, tmp_path, "holter-1")
    files["r1.hea"].write_text(wfdb_record.header() + "# another comment\n")
    (again,) = (await taken(clinic, tmp_path, "holter-1")).values()

    assert again.statuses == ("unchanged",)


async def test_a_damaged_record_stores_nothing_and_says_what_is_wrong(clinic, tmp_path):
    content = bytearray(wfdb_record.signal_file())
    content[100] ^= 4
    written(tmp_path, signals=bytes(content))
    await clinic.device("ecg-monitor", name="holter-1", patient=None)
    (made,) = (await taken(clinic, tmp_path, "holter-1")).values()

    assert "checksum" in (made.error or "")
    assert await clinic.observations() == 0


async def test_a_record_without_a_date_is_of_the_time_that_the_caller_says(clinic, tmp_path):
    written(tmp_path, wfdb_record.header(date=""))
    await clinic.device("ecg-monitor", name="holter-1", patient=None)
    (refused,) = (await taken(clinic, tmp_path, "holter-1")).values()
    start = datetime(2024, 5, 1, 8, tzinfo=UTC)
    (made,) = (await taken(clinic, tmp_path, "holter-1", start=start)).values()

    assert "`start`" in (refused.error or "")
    first = await clinic.resource(made.references[0])
    assert first["effectivePeriod"]["start"] == "2024-05-01T08:00:00Z"


async def test_the_recordings_of_a_card_are_found_with_the_summary_of_their_night(clinic, tmp_path):
    night = tmp_path / "DATALOG" / "20230823"
    night.mkdir(parents=True)
    (tmp_path / "STR.edf").write_bytes(card())
    (night / "20230823_233242_PLD.edf").write_bytes(session())
    (night / "20230823_233242_BRP.edf").write_bytes(session([FLOW]))
    (night / "20230823_233227_EVE.edf").write_bytes(events([("+125", "14", "Hypopnea")]))
    await clinic.device("apap", name="cpap-1", patient=None)
    made = await taken(clinic, tmp_path, "cpap-1")

    assert not [each.error for each in made.values() if each.error]
    stored = [
        await clinic.resource(each)
        for summary in made.values()
        for each in summary.references
        if each.startswith("Observation/")
    ]
    of_night = {
        each["code"]["coding"][0]["code"]
        for each in stored
        if each["identifier"][1]["value"].endswith("/2023-08-23")
    }
    assert {"69999-1", "8411040", "respiratory-event"} <= of_night


async def test_a_recording_too_long_for_observations_is_kept_with_all_its_files(clinic, tmp_path):
    count = 40_000
    head = f"r1 1 360 {count} 0:0:0 1/1/2024\nr1.dat 16 200 16 0 0 0 0 II\n"
    written(tmp_path, head, b"\1\0" * count, wfdb_record.annotations([(360, 1, b""), (720, 1, b"")]))
    await clinic.device("ecg-monitor", name="holter-1", patient=None)
    (made,) = (await taken(clinic, tmp_path, "holter-1")).values()

    assert set(made.statuses) == {"created"}, made.said
    (reference,) = [each for each in made.references if each.startswith("DocumentReference/")]
    document = await clinic.resource(reference)
    assert {each["attachment"]["title"] for each in document["content"]} == {"r1.hea", "r1.dat", "r1.atr"}
    stored = [await clinic.resource(each) for each in made.references if each.startswith("Observation/")]
    assert all({"reference": reference} in each["derivedFrom"] for each in stored)
    (strip,) = [each for each in stored if each["code"]["coding"][0]["code"] == "131328"]
    assert len(strip["component"][0]["valueSampledData"]["data"].split()) == 3_600


@needs_real_input
async def test_a_real_card_and_a_real_record_are_taken_in_whole_and_only_once(clinic, tmp_path):
    clinic.database.blobs = FolderBlobs(tmp_path / "blobs")
    await clinic.device("cpap", name="cpap-1", patient=None)
    await clinic.device("ecg-monitor", name="holter-1", patient=None)
    start = datetime(2024, 5, 1, 8, tzinfo=UTC)
    for seen in (False, True):
        nights = await taken(clinic, FOLDER / "cpap", "cpap-1")
        (record,) = (await taken(clinic, FOLDER / "ecg", "holter-1", start=start)).values()
        read = [each for each in nights.values() if each.format is not None]
        assert len(read) == 21
        assert not [each.error or each.said for each in (*read, record) if each.error or each.said]
        assert {each.seen for each in (*read, record)} == {seen}
        statuses = {status for each in (*read, record) for status in each.statuses}
        assert statuses == ({"seen"} if seen else {"created"})
    # 17 nights, six sessions of five and of two signals; 34 beats, one change of rhythm, counts, rate and strip
    events = "SELECT count(*) FROM resource WHERE body ->> 'resourceType' = 'Observation' AND body #>> '{code,coding,0,code}'"
    assert await clinic.scalar(f"{events} = 'ecg-beat'") == 34
    assert await clinic.scalar(f"{events} = '8411040'") == 6
    assert await clinic.scalar(f"{events} = '69999-1'") == 17


@needs_real_input
async def test_a_recording_too_large_for_a_row_is_refused_where_there_is_no_blob_store(clinic):
    await clinic.device("ecg-monitor", name="holter-1", patient=None)
    with pytest.raises(TooLarge, match="set FHIR_BLOBS"):
        await taken(clinic, FOLDER / "ecg", "holter-1", start=datetime(2024, 5, 1, 8, tzinfo=UTC))
    assert await clinic.observations() == 0


async def test_a_damaged_session_stores_nothing_of_it_and_everything_of_the_others(clinic, tmp_path):
    content = bytearray(session())
    content[-4] ^= 1
    (tmp_path / "20230823_233242_PLD.edf").write_bytes(bytes(content))
    (tmp_path / "20230824_013831_PLD.edf").write_bytes(session(start="24.08.2301.38.31"))
    await clinic.device("apap", name="cpap-1", patient=None)
    broken, whole = (await taken(clinic, tmp_path, "cpap-1")).values()

    assert "Record 2, from byte" in (broken.error or "")
    assert (broken.statuses, whole.statuses) == ((), ("created",))
