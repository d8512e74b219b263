"""Files that are kept as they are, beside what was read of them or alone."""

import base64
import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from pypdf import PdfWriter

from fhir_server.interactions.ingest_gateway import intake
from fhir_server.store.blobs.folder import FolderBlobs
from fhir_server.store.blobs.pointer import pointer
from ingest.decoders.reading import decode
from ingest.files.bringing import incoming
from ingest.files.ecg_pdf import EcgPdf
from ingest.files.format import Contents, Document, Format, Saying, Unit
from terminology.service import Coding

START = datetime(2024, 5, 1, 8, 30, tzinfo=UTC)
LARGE = bytes(range(256)) * 1_000


@pytest.fixture
def blobs(clinic, tmp_path):
    clinic.database.blobs = FolderBlobs(tmp_path / "blobs")
    return clinic.database.blobs


def pdf(change=lambda writer: None, **metadata):
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_metadata(metadata)
    change(writer)
    text = io.BytesIO()
    writer.write(text)
    return text.getvalue()


async def taken(clinic, tmp_path, content, format, *, name="report.pdf", patient="p1", start=START):
    path = tmp_path / "brought"
    path.write_bytes(content)
    taking = intake(clinic.database, clinic.master_key)
    origin = await taking.origin("ecg-1", datetime.now(UTC), Saying(patient=patient, start=start))
    return await taking.take(incoming(name, path, 10**9), format, origin, vouched=True)


async def test_a_report_becomes_a_document_and_its_content(clinic, tmp_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    content = pdf()
    made = await taken(clinic, tmp_path, content, EcgPdf(), name="out/report.pdf")
    assert (made.counts, made.error) == ({"created": 1}, None)
    binary, document = [await clinic.resource(each) for each in made.references]
    assert base64.b64decode(binary["data"]) == content
    assert binary["contentType"] == "application/pdf"
    assert binary["securityContext"] == {"reference": f"DocumentReference/{document['id']}"}
    assert document["status"] == "current"
    assert document["type"]["coding"] == [
        {"system": "http://loinc.org", "code": "11524-6", "display": "EKG study"}
    ]
    assert document["subject"] == {"reference": "Patient/p1"}
    assert document["author"][0]["reference"].startswith("Device/")
    assert document["date"] == "2024-05-01T08:30:00.000Z"
    assert document["context"] == {"period": {"start": "2024-05-01T08:30:00Z"}}
    assert document["content"] == [
        {
            "attachment": {
                "contentType": "application/pdf",
                "url": f"Binary/{binary['id']}",
                "size": len(content),
                "hash": base64.b64encode(hashlib.sha1(content).digest()).decode(),
                "title": "report.pdf",
                "creation": "2024-05-01T08:30:00Z",
            }
        }
    ]


async def test_a_large_file_lies_in_the_blob_store(clinic, tmp_path, blobs):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await taken(clinic, tmp_path, LARGE, Kept())
    binary = await clinic.resource(made.references[0])
    assert pointer(binary) == (hashlib.sha256(LARGE).digest(), len(LARGE))
    assert await blobs.exists(hashlib.sha256(LARGE).digest())


async def test_the_same_file_again_changes_nothing(clinic, tmp_path, blobs):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    first = await taken(clinic, tmp_path, LARGE, Kept())
    async with clinic.database.connection() as connection:
        await connection.execute("DELETE FROM ingested_file")  # as if nobody remembered it
    again = await taken(clinic, tmp_path, LARGE, Kept())
    assert again.counts == {"unchanged": 2}
    assert again.references == first.references
    assert (
        await clinic.scalar("SELECT max(version) FROM resource WHERE id NOT IN (SELECT id FROM device)") == 1
    )


async def test_what_was_read_of_a_file_derives_from_it(clinic, tmp_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await taken(clinic, tmp_path, b"recording", Kept())
    stored = [await clinic.resource(each) for each in made.references]
    (document,) = [each for each in stored if each["resourceType"] == "DocumentReference"]
    observations = [each for each in stored if each["resourceType"] == "Observation"]
    assert observations
    for each in observations:
        assert each["derivedFrom"] == [{"reference": f"DocumentReference/{document['id']}"}]


async def test_a_file_that_breaks_at_once_is_not_kept(clinic, tmp_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await taken(clinic, tmp_path, pdf()[:-100], EcgPdf())
    assert made.error == f"The PDF breaks off at byte {len(pdf()) - 100}: its last line, %%EOF, is missing."
    assert await clinic.scalar("SELECT count(*) FROM resource WHERE type = 15") == 0


async def test_a_document_of_nobody_is_rejected_with_the_reason(clinic, tmp_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    made = await taken(clinic, tmp_path, pdf(), EcgPdf(), patient=None)
    assert made.counts == {"rejected": 1}
    (said,) = made.said
    assert said.where == "the file itself"
    assert "assigned to no patient at 2024-05-01T08:30:00+00:00" in said.issue.diagnostics


async def test_a_report_is_dated_by_its_own_word_where_nobody_says_when(clinic, tmp_path):
    await clinic.device("ecg-monitor", name="ecg-1", patient=None)
    dated = pdf(**{"/CreationDate": "D:20240601120000+02'00'"})
    made = await taken(clinic, tmp_path, dated, EcgPdf(), start=None)
    document = await clinic.resource(made.references[-1])
    assert document["date"] == "2024-06-01T10:00:00.000Z"
    assert "context" not in document
    undated = await taken(clinic, tmp_path, pdf(), EcgPdf(), start=None)
    assert [(each.where, each.issue.element) for each in undated.said] == [("the file itself", "start")]


class Kept(Format):
    """A recording with one pulse in it, of which the file is kept too."""

    name = "edf"  # whatever is in a log is of a known kind

    def recognises(self, head, name):
        return True

    def read(self, file, origin):
        tree = {"timestamp": START.isoformat(), "data": {"bpm": 61}}
        reading = decode(tree, origin.device, origin.received)
        document = Document(
            "A recording",
            "application/octet-stream",
            Coding("urn:example", "x"),
            start=START,
            end=START + timedelta(hours=1),
        )
        return Contents((Unit((reading,)),), (), document)
